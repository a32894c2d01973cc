import java.nio.file.Files;
import java.nio.file.Path;
import streamproc.AnalysisCompleted;
import streamproc.Converter;
import streamproc.Pair;

/** Reads a result of this file by the generated types and prints its pairs. */
class Use {
    public static void main(String[] files) throws Exception {
        AnalysisCompleted result = Converter.AnalysisCompletedFromJsonString(Files.readString(Path.of(files[0])));
        for (Pair pair : result.getPairs())
            System.out.println(pair.getWalletA() + " " + pair.getWalletB() + " " + pair.getScores().getIDF());
    }
}
