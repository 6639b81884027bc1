/**
 * Every reason a decision, a refusal or a failed capture can have, with its sentence. Log, metric
 * label, Kubernetes Event, record and CLI all print from this table.
 */
export const reasons = {
  fired: 'the rule matched',
  armed: 'the target is watched closely, its end is expected',
  observed: 'the rule matched in mode observe, so nothing is captured',
  'window-open': 'the condition has not held for long enough yet',
  cooldown: 'the rule fired for the same target a short time ago',
  budget: 'the allowed number of captures is used up',
  coalesced: 'a capture of the same container waits or runs already, this trigger joins it',
  'once-a-life': 'the rule has fired for this life of the container already',
  'not-rearmed': 'the rule has fired and the value has not fallen low enough since',
  'not-selected': 'the target is not selected by the rule',
  'no-match': 'the condition of the rule does not hold',
  'where-false': 'the expression in where does not hold',
  'where-error': 'the expression in where cannot be evaluated for this signal',
  denied: 'the target is on the deny list',
  'not-running': 'the container does not run',
  'target-unknown': 'no container on this node fits what the signal names',
  'target-ambiguous': 'more than one container fits what the signal names',
  elsewhere: 'the signal speaks of another node',
  'freeze-too-long': 'the container would stand still longer than is allowed',
  'probe-budget': 'the container would stand still longer than its probes forgive',
  'disk-low': 'the capture would push a disk towards the eviction threshold',
  'name-too-long': 'the archive name does not fit into 255 bytes',
  'archive-exists': 'a file of that archive name exists already',
  'not-writable': 'the checkpoints directory or the journal cannot be written',
  'frozen-already': 'someone else has frozen the container',
  busy: 'another capture is under way',
  'no-backend': 'no backend on this node can capture the container',
  'no-time': 'too little is left of the grace period of the pod',
  expired: 'the container was gone before its turn came',
  'life-changed': 'the container restarted before its turn came',
  paused: 'captures are paused on this node',
  stopping: 'the agent is stopping',
  uncapturable: 'the last captures of this target failed in a way that trying again cannot cure',
} as const;

/** The name of a reason; see reasons. */
export type ReasonCode = keyof typeof reasons;
