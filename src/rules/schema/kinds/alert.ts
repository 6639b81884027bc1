import * as z from 'zod';
import { nearest, shaped } from '../../../base/index.ts';
import type { AlertShape } from '../../../signal/index.ts';
import { fieldMatch } from '../field-tests.ts';

/** The shapes that need no map. */
const KNOWN = ['falco', 'alertmanager', 'cloudevents'] as const;
/** The shape of a sender of JSON, by the name of its map. */
const JSON_SHAPE = 'json/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const ALLOWED = `${KNOWN.join(', ')}, or json/NAME with a name of alerts.json in the configuration`;
const isJsonShape = new RegExp(`^${JSON_SHAPE}$`);

/** The shape of an alert: also in the configuration of the agent. */
export const alertShape = shaped(
  z
    .string()
    .superRefine((given, context) => {
      if (isShape(given)) return;
      const params = { allowed: ALLOWED, suggestion: nearest(given, KNOWN) };
      context.addIssue({ code: 'custom', message: 'is no shape of an alert', params });
    })
    .transform((given) => given as AlertShape),
  {
    title: 'shape',
    allowed: ALLOWED,
    pattern: `^(${KNOWN.join('|')}|${JSON_SHAPE})$`,
    examples: [...KNOWN, 'json/wazuh'],
  },
).describe(
  'Who writes alerts like this: falco, alertmanager (Grafana too), cloudevents, or json/NAME with ' +
    'a map of that name in alerts.json of the configuration; the door names it',
);

function isShape(text: string): text is AlertShape {
  return KNOWN.some((shape) => shape === text) || isJsonShape.test(text);
}

const match = z.array(fieldMatch).min(1).max(50);
const FIRING_ONLY =
  'of Alertmanager only firing alerts are taken, unless there is a test of the field status';

/** `when.alert`. */
export const alert = z
  .strictObject({
    shape: alertShape,
    match: match.describe(`Tests that must all hold; ${FIRING_ONLY}`),
  })
  .describe('An alert from NATS or a webhook that names a container or a pod of this node');

/** An alert as a step of a sequence, whose other steps already tell what is meant. */
export const alertStep = z
  .strictObject({
    shape: alertShape,
    match: match
      .optional()
      .describe(`Tests that must all hold, left out = any alert of this shape; ${FIRING_ONLY}`),
  })
  .describe('An alert about the container');
