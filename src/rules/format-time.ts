/** 12:04:10Z, of a wall time. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)}Z`;
}
