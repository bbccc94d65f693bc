import java.util.concurrent.FutureTask;
import jep.MainInterpreter;
import jep.PyConfig;
import jep.SharedInterpreter;

/** A Java application with a LangGraph agent inside: the JVM it runs in also writes the agent's checkpoints. */
public final class AgentInJava {
    private static final String AGENT = """
            import fast_langgraph, fast_jvm  # the accelerators
            from langchain_core.messages import AIMessage, HumanMessage
            from langgraph.checkpoint.memory import InMemorySaver
            from langgraph.graph import START, MessagesState, StateGraph

            def model(state):
                told = [message.content for message in state["messages"]]
                return {"messages": [AIMessage(f"{len(told)}: {told[-1]}, you say?")]}

            graph = StateGraph(MessagesState).add_node(model).add_edge(START, "model")
            agent = graph.compile(checkpointer=InMemorySaver())
            fast_jvm.wait_ready(60)  # not needed: originals serve until Java does

            def ask(thread, text):
                config = {"configurable": {"thread_id": thread}}
                return agent.invoke({"messages": [HumanMessage(text)]}, config)["messages"][-1].content
            """;

    private AgentInJava() {}

    /** Asks each argument in one conversation, then tells what was served by Java. */
    public static void main(String[] questions) throws Exception {
        MainInterpreter.setInitParams(
                PyConfig.python().setProgramName(System.getenv("VIRTUAL_ENV") + "/bin/python"));
        // an interpreter belongs to the thread that made it; Python's own main thread has 8 MB of stack
        FutureTask<?> agent = new FutureTask<>(() -> converse(questions), null);
        new Thread(null, agent, "agent", 8L << 20).start();
        agent.get();
    }

    private static void converse(String[] questions) {
        try (SharedInterpreter python = new SharedInterpreter()) {
            python.exec(AGENT);
            for (String question : questions) {
                System.out.println(python.invoke("ask", "conversation-1", question));
            }
            System.out.println(python.getValue("str(fast_jvm.status())", String.class));
        }
    }
}
