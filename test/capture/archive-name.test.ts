import { describe, expect, it } from '@jest/globals';
import { kubeletNameBytes } from '../../src/capture/archive-name.ts';
import { archiveName, beginOfName } from '../../src/capture/index.ts';
import { targetOf } from '../support/decisions.ts';

const target = targetOf('a', { namespace: 'shop', pod: 'cart-7d9f', container: 'app' });
const noon = Date.UTC(2026, 5, 1, 12, 0, 0, 7);

describe('the name of an archive', () => {
  it('is the one of the kubelet with fractions of a second', () => {
    expect(archiveName(target, noon)).toBe(
      'checkpoint-cart-7d9f_shop-app-2026-06-01T12:00:00.007Z.tar',
    );
  });

  it('says when it was begun, whether we or a kubelet in any zone chose it', () => {
    expect(beginOfName(target, archiveName(target, noon))).toBe(noon);
    const prefix = 'checkpoint-cart-7d9f_shop-app-';
    expect(beginOfName(target, `${prefix}2026-06-01T14:00:00+02:00.tar`)).toBe(noon - 7);
  });

  it.each([
    ['another container', 'checkpoint-cart-7d9f_shop-sidecar-2026-06-01T12:00:00Z.tar'],
    ['a longer container name', 'checkpoint-cart-7d9f_shop-app-two-2026-06-01T12:00:00Z.tar'],
    ['another ending', 'checkpoint-cart-7d9f_shop-app-2026-06-01T12:00:00Z.tar.gz'],
    ['a time that does not exist', 'checkpoint-cart-7d9f_shop-app-2026-13-01T12:00:00Z.tar'],
  ])('is not taken for one of this target with %s', (_, name) => {
    expect(beginOfName(target, name)).toBeUndefined();
  });

  it('counts the longest that a kubelet may choose', () => {
    expect(kubeletNameBytes(target)).toBe(
      'checkpoint-cart-7d9f_shop-app-2026-06-01T14:00:00+02:00.tar'.length,
    );
  });
});
