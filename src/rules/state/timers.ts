/** A memo that wants to be looked at. Stale when its memo names another time by then. */
export interface Timer {
  dueMs: number;
  podUid: string;
  container: string;
  rule: string;
}

/** Timers by due time: a binary heap. Not saved: it is made anew from the memos. */
export type Timers = Timer[];

/** Adds a timer. */
export function pushTimer(heap: Timers, timer: Timer): void {
  heap.push(timer);
  let index = heap.length - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!isBefore(heap[index], heap[parent])) return;
    swap(heap, index, parent);
    index = parent;
  }
}

/** Takes out the earliest timer. */
export function popTimer(heap: Timers): Timer | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (heap.length === 0 || !last) return first;
  heap[0] = last;
  let index = 0;
  for (;;) {
    const left = index * 2 + 1;
    let least = index;
    if (isBefore(heap[left], heap[least])) least = left;
    if (isBefore(heap[left + 1], heap[least])) least = left + 1;
    if (least === index) return first;
    swap(heap, index, least);
    index = least;
  }
}

/** By time; equal times by names, so that the order does not depend on the past of the heap. */
function isBefore(a: Timer | undefined, b: Timer | undefined): boolean {
  if (!a || !b) return false;
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  if (a.podUid !== b.podUid) return a.podUid < b.podUid;
  if (a.container !== b.container) return a.container < b.container;
  return a.rule < b.rule;
}

function swap(heap: Timers, a: number, b: number): void {
  const one = heap[a];
  const other = heap[b];
  if (!one || !other) return;
  heap[a] = other;
  heap[b] = one;
}
