package dev.fastjvm.msgpack;

/** Bytes that are no msgpack, in ormsgpack's words; preallocated, without a stack trace. */
public final class MsgpackFormatException extends RuntimeException {
    private static final long serialVersionUID = 1;
    public static final MsgpackFormatException END =
            new MsgpackFormatException("unexpected end of file");
    public static final MsgpackFormatException UTF8 =
            new MsgpackFormatException("invalid UTF-8 string");
    public static final MsgpackFormatException VALUE = new MsgpackFormatException("invalid value");
    public static final MsgpackFormatException DEPTH =
            new MsgpackFormatException("Recursion limit reached");
    public static final MsgpackFormatException HOOK = new MsgpackFormatException("ext_hook failed");
    public static final MsgpackFormatException INTERNAL =
            new MsgpackFormatException("internal error");

    private MsgpackFormatException(String message) {
        super(message, null, false, false);
    }

    /** A marker that may not stand where it was found, under its name in ormsgpack. */
    public static MsgpackFormatException type(int marker) {
        String name = switch (marker) {
            case Marker.NEVER_USED -> "Reserved";
            case Marker.FIXEXT1 -> "FixExt1";
            case Marker.FIXEXT2 -> "FixExt2";
            case Marker.FIXEXT16 -> "FixExt16";
            case Marker.EXT16 -> "Ext16";
            case Marker.EXT32 -> "Ext32";
            case Marker.MAP16 -> "Map16";
            case Marker.MAP32 -> "Map32";
            default -> "FixMap(" + (marker & 0x0F) + ")";
        };
        return new MsgpackFormatException("invalid type " + name);
    }
}
