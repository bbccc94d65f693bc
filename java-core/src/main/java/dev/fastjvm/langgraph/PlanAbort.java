package dev.fastjvm.langgraph;

/** A planned object holds something that the plan can't do: the outermost planned object goes back to Python, whole. */
final class PlanAbort extends RuntimeException {
    private static final long serialVersionUID = 1;
    static final PlanAbort OBJECT = new PlanAbort();

    private PlanAbort() {
        super(null, null, false, false);
    }
}
