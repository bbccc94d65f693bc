package dev.fastjvm.msgpack;

/** First bytes of msgpack values (spec.md, "Formats"). */
public final class Marker {
    public static final int FIXMAP = 0x80;
    public static final int FIXARRAY = 0x90;
    public static final int FIXSTR = 0xA0;
    public static final int NIL = 0xC0;
    public static final int NEVER_USED = 0xC1;
    public static final int FALSE = 0xC2;
    public static final int TRUE = 0xC3;
    public static final int BIN8 = 0xC4;
    public static final int BIN16 = 0xC5;
    public static final int BIN32 = 0xC6;
    public static final int EXT8 = 0xC7;
    public static final int EXT16 = 0xC8;
    public static final int EXT32 = 0xC9;
    public static final int FLOAT32 = 0xCA;
    public static final int FLOAT64 = 0xCB;
    public static final int UINT8 = 0xCC;
    public static final int UINT16 = 0xCD;
    public static final int UINT32 = 0xCE;
    public static final int UINT64 = 0xCF;
    public static final int INT8 = 0xD0;
    public static final int INT16 = 0xD1;
    public static final int INT32 = 0xD2;
    public static final int INT64 = 0xD3;
    public static final int FIXEXT1 = 0xD4;
    public static final int FIXEXT2 = 0xD5;
    public static final int FIXEXT4 = 0xD6;
    public static final int FIXEXT8 = 0xD7;
    public static final int FIXEXT16 = 0xD8;
    public static final int STR8 = 0xD9;
    public static final int STR16 = 0xDA;
    public static final int STR32 = 0xDB;
    public static final int ARRAY16 = 0xDC;
    public static final int ARRAY32 = 0xDD;
    public static final int MAP16 = 0xDE;
    public static final int MAP32 = 0xDF;

    private Marker() {}
}
