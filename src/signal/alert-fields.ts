/** Fields that the door sets on alerts of every shape, besides the payload's own. */
export const alertFields = {
  /** How grave the sender says it is, in the sender's word. */
  severity: 'stillpoint.severity',
  /** What the sender calls it: Falco's rule, Alertmanager's alertname, the type of a CloudEvent. */
  title: 'stillpoint.title',
  /** How many values were cut or left out; absent when none was. */
  leftOut: 'stillpoint.leftOut',
} as const;
