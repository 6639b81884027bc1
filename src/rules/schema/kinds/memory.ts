import * as z from 'zod';
import { durationMs, percentRatio } from '../../../base/index.ts';
import type { MemoryAmount } from '../../../signal/index.ts';
import { HOUR_MS, SECOND_MS } from '../parts.ts';
import { memoryAmount } from './memory-amount.ts';

/** `memory.floor` when it is left out. */
export const FLOOR_RATIO = 0.5;

const ofContainer = {
  above: percentRatio({ min: 0.01, max: 1 })
    .optional()
    .describe(
      'Of a container, needed: share of the tightest memory limit that cannot be reclaimed',
    ),
  orFullWithin: durationMs({ min: 50, max: 10 * SECOND_MS })
    .optional()
    .describe('Fires at once, also below `above`, when the present growth fills it within this'),
  floor: percentRatio({ min: 0.01, max: 1 })
    .optional()
    .describe('Share from which on `orFullWithin` counts; 50% when left out'),
  again: z
    .enum(['newLife', 'afterBelow'])
    .optional()
    .meta({ default: 'newLife' })
    .describe('When it may fire again: in the next life, or also after a fall under `below`'),
  below: percentRatio({ min: 0.01, max: 1 })
    .optional()
    .describe('Share that memory must fall under before the rule can fire again in one life'),
};

const BOUNDS = { shareMin: 0.01, shareMax: 0.9, bytesMin: 2 ** 20 };

const ofNode = {
  availableBelow: memoryAmount(BOUNDS)
    .optional()
    .describe(
      'Of the node, needed: fires under this much `memory.available` as the kubelet counts it, ' +
        'for the container that the kubelet would evict first',
    ),
  availableAbove: memoryAmount(BOUNDS)
    .optional()
    .describe(
      'Available memory that must be reached before it fires again while the container that it ' +
        'fired for still runs; `availableBelow` when left out',
    ),
};

const of = z
  .enum(['container', 'node'])
  .default('container')
  .describe('Whose memory: of each container by itself, or of the whole node');
const lasting = durationMs({ max: HOUR_MS }).default(0).describe('How long it must stay so');

const { above, ...moreOfContainer } = ofContainer;
const shape = { of, above, for: lasting, ...moreOfContainer, ...ofNode };

const CONTAINER_KEYS = Object.keys(shape).filter((key) => !(key in ofNode));
const NODE_KEYS = Object.keys(shape).filter((key) => !(key in ofContainer));

/** For editors: which keys go with which `of`. */
const forms = {
  if: { properties: { of: { const: 'node' } }, required: ['of'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['availableBelow'], propertyNames: { enum: NODE_KEYS } },
  else: { required: ['above'], propertyNames: { enum: CONTAINER_KEYS } },
};

/** `when.memory`. */
export const memory = z
  .strictObject(shape)
  .superRefine((given, context) => {
    const mistake: Mistake = (key, message, allowed) => {
      const params = allowed === undefined ? {} : { allowed, at: 'key' };
      context.addIssue({ code: 'custom', path: [key], message, params });
    };
    if (given.of === 'node') checkNode(given, mistake);
    else checkContainer(given, mistake);
  })
  .meta(forms)
  .transform(formOf)
  .describe(
    'Memory nears a limit; fires once a life of the container, unless `again` says more. With ' +
      '`of: node` the memory of the node runs out: fires for what the kubelet would evict first, of ' +
      'the pods that the rule reaches (above their request, then the lower priority, then the ' +
      'furthest above it; never static or critical pods), and in that pod for the container with ' +
      'the largest working set. It fires for the next one when that container has ended and memory ' +
      'is still low, or when memory was back in between',
  )
  .meta({ examples: [{ above: '85%' }] });

type Mistake = (key: keyof Given, message: string, allowed?: string) => void;

interface Given {
  of: 'container' | 'node';
  for: number;
  above?: number;
  orFullWithin?: number;
  floor?: number;
  again?: 'newLife' | 'afterBelow';
  below?: number;
  availableBelow?: MemoryAmount;
  availableAbove?: MemoryAmount;
}

/** One of the two forms, whose keys were checked. */
function formOf({ availableBelow, availableAbove, above, again, ...given }: Given) {
  const { of, for: forMs, ...ofContainer } = given;
  if (of === 'node' && availableBelow !== undefined) {
    return { of, for: forMs, availableBelow, availableAbove };
  }
  const container = { for: forMs, ...ofContainer, again: again ?? ('newLife' as const) };
  return { of: 'container' as const, above: above ?? 1, ...container };
}

function checkContainer(given: Given, mistake: Mistake): void {
  const { above, orFullWithin, floor = FLOOR_RATIO, again = 'newLife', below } = given;
  const isOfNode = refuseOthers(given, ofNode, 'of: node', CONTAINER_KEYS, mistake);
  if (above === undefined) {
    // Who gave a key of the other form left out `of: node`.
    if (!isOfNode) mistake('above', 'is missing; it must be a percentage such as 85%');
    return;
  }
  if (given.floor !== undefined && orFullWithin === undefined) {
    mistake('floor', 'means nothing without orFullWithin');
  } else if (orFullWithin !== undefined && floor >= above) {
    const key = given.floor === undefined ? 'above' : 'floor';
    mistake(key, 'leaves orFullWithin nothing to do: floor must be less than above');
  }
  if (again === 'newLife' && below !== undefined) {
    mistake('below', 'means nothing without again: afterBelow');
  } else if (again === 'afterBelow' && below === undefined) {
    mistake('again', 'afterBelow needs the share: below');
  } else if (below !== undefined && below >= above) {
    mistake('below', 'must be less than above, or a value that wavers fires again and again');
  }
}

function checkNode(given: Given, mistake: Mistake): void {
  const { availableBelow, availableAbove } = given;
  refuseOthers(given, ofContainer, 'of: container', NODE_KEYS, mistake);
  if (availableBelow === undefined) {
    mistake(
      'availableBelow',
      'is missing; it must be a percentage such as 10% or a size such as 500Mi',
    );
  } else if (availableAbove && !isMore(availableAbove, availableBelow)) {
    mistake('availableAbove', 'must be more than availableBelow; leave it out for the same');
  }
}

/** A share and a size are compared when the capacity is known. */
function isMore(one: MemoryAmount, other: MemoryAmount): boolean {
  if ('share' in one && 'share' in other) return one.share > other.share;
  return !('bytes' in one && 'bytes' in other) || one.bytes > other.bytes;
}

/** Whether there was a key of the other form. */
function refuseOthers(
  given: Given,
  others: object,
  form: string,
  allowed: readonly string[],
  mistake: Mistake,
): boolean {
  const wrong = (Object.keys(others) as (keyof Given)[]).filter((key) => given[key] !== undefined);
  for (const key of wrong) mistake(key, `goes only with ${form}`, allowed.join(', '));
  return wrong.length > 0;
}
