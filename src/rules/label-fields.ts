import * as z from 'zod';
import { shaped } from '../base/index.ts';

/** Qualified names and label values as Kubernetes checks them (apimachinery validation.go). */
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_CHARS_MAX = 63;
const PREFIX_CHARS_MAX = 253;

/** The same for editors. */
const NAME_PATTERN = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const KEY_PATTERN = `^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?${NAME_PATTERN}$`;
const VALUE_PATTERN = `^(${NAME_PATTERN})?$`;

const KEY_ALLOWED = 'letters, digits, -, _ and ., at most 63, after a domain and a / if need be';
const VALUE_ALLOWED = 'letters, digits, -, _ and ., at most 63, none of the last three at the ends';

const KEY_SHAPE = {
  title: 'label key',
  allowed: KEY_ALLOWED,
  pattern: KEY_PATTERN,
  examples: ['app.kubernetes.io/name'],
};
const VALUE_SHAPE = {
  title: 'label value',
  allowed: VALUE_ALLOWED,
  pattern: VALUE_PATTERN,
  examples: ['checkout'],
};

function isLabelKey(text: string): boolean {
  const [name = '', prefix, ...more] = text.split('/').reverse();
  if (more.length > 0 || !NAME.test(name) || name.length > NAME_CHARS_MAX) return false;
  return prefix === undefined || (PREFIX.test(prefix) && prefix.length <= PREFIX_CHARS_MAX);
}

function isLabelValue(text: string): boolean {
  return text === '' || (NAME.test(text) && text.length <= NAME_CHARS_MAX);
}

/** The key of a label; a selector with any other selects nothing, and nobody notices. */
export function labelKey() {
  const checked = z.string().superRefine((text, context) => {
    if (isLabelKey(text)) return;
    const params = { allowed: KEY_ALLOWED };
    context.addIssue({ code: 'custom', message: 'can be no key of a label', params });
  });
  return shaped(checked, KEY_SHAPE);
}

/** The value of a label. */
export function labelValue() {
  const checked = z.string().superRefine((text, context) => {
    if (isLabelValue(text)) return;
    const params = { allowed: VALUE_ALLOWED };
    context.addIssue({ code: 'custom', message: 'can be no value of a label', params });
  });
  return shaped(checked, VALUE_SHAPE);
}

/** A map from keys to values of labels. */
export function labelMap() {
  const labelsOfPods = z.record(shaped(z.string(), KEY_SHAPE), labelValue());
  const example = { 'stillpoint.dev/enabled': 'true' };
  return labelsOfPods.meta({ examples: [example] }).superRefine((labels, context) => {
    for (const key of Object.keys(labels)) {
      if (isLabelKey(key)) continue;
      const params = { allowed: KEY_ALLOWED, at: 'key' };
      context.addIssue({
        code: 'custom',
        path: [key],
        message: 'can be no key of a label',
        params,
      });
    }
  });
}
