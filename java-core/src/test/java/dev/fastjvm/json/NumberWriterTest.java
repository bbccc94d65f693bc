package dev.fastjvm.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@link NumberWriter}: Python's forms, and digits that read back. */
class NumberWriterTest {
    private static String text(double value) {
        byte[] to = new byte[40];
        int end = NumberWriter.put(value, to, 3);
        return end < 0 ? null : new String(to, 3, end - 3, StandardCharsets.US_ASCII);
    }

    @ParameterizedTest
    @CsvSource({"0.0, 0.0", "-0.0, -0.0", "1.0, 1.0", "-1.5, -1.5", "0.1, 0.1", "100.0, 100.0",
            "123456789.125, 123456789.125", "0.0001, 0.0001", "0.00012345, 0.00012345",
            "0.00001, 1e-05", "-0.000012345, -1.2345e-05", "1E15, 1000000000000000.0",
            "9007199254740993, 9007199254740992.0", "1E16, 1e+16", "1.5E16, 1.5e+16",
            "1E22, 1e+22", "2E23, 2e+23", "1E100, 1e+100", "1E-100, 1e-100",
            "1.7976931348623157E308, 1.7976931348623157e+308",
            "2.2250738585072014E-308, 2.2250738585072014e-308", "4.9E-324, 5e-324",
            "9.9E-324, 1e-323", "1.5E-323, 1.5e-323", "0.30000000000000004, 0.30000000000000004",
            "9.5E-323, 9.4e-323"})
    void asPythonWritesIt(double value, String wanted) {
        assertEquals(wanted, text(value));
    }

    @Test
    void notFinite() {
        assertEquals(null, text(Double.NaN));
        assertEquals(null, text(Double.NEGATIVE_INFINITY));
    }

    @Test
    void everyDoubleReadsBackAndFits() {
        Random random = new Random(1);
        for (int i = 0; i < 200_000; i++) {
            double value = Double.longBitsToDouble(random.nextLong());
            if (Double.isFinite(value)) {
                String found = text(value);
                assertEquals(value, Double.parseDouble(found));
                assertTrue(found.length() <= NumberWriter.LONGEST, found);
                assertEquals(0, new BigDecimal(found)
                        .compareTo(new BigDecimal(Double.toString(value))), found);
            }
        }
    }
}
