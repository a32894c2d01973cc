// What a program that has the generated types is told by its compiler: npm run typescript
import type { AnalysisCompleted, AnalysisFailed, AnalysisProgressed, AnalysisRequested } from "./generated/streamproc";

export const request: AnalysisRequested = { request_id: "lab-7f3a", wallets: [], rank_by: "idf", max_pairs: 10 };

export function told(progress: AnalysisProgressed): string {
  return `${progress.percent.toFixed()} % ${progress.message}`;
}

export function ended(end: AnalysisCompleted | AnalysisFailed): string[] {
  if (end.status !== "completed") return [end.message];
  return end.pairs.map((pair) => `${pair.wallet_a} ${pair.wallet_b} ${pair.scores.idf ?? "unknown"} ${pair.verdict}`);
}
