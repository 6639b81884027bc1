import { describe, expect, it } from '@jest/globals';
import { type Component, debPurl, npmPurl, sbomText } from '../../../scripts/image/sbom.ts';

const created = '2026-01-01T00:00:00Z';
const product: Component = { type: 'application', name: 'stillpoint', version: '1.0.0' };
const library = (name: string, licence: string): Component => ({
  type: 'library',
  name,
  version: '1.0.0',
  purl: npmPurl(name, '1.0.0'),
  licence,
});

describe('the list of what is inside', () => {
  it('is CycloneDX with one reference for each part, all of them parts of the product', () => {
    const components = [library('b', 'MIT'), library('@a/b', 'MIT')];
    const parsed = JSON.parse(sbomText({ product, created, components }));
    expect(parsed).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      version: 1,
      metadata: { timestamp: created, component: { name: 'stillpoint', type: 'application' } },
    });
    const refs = parsed.components.map((of: { 'bom-ref': string }) => of['bom-ref']);
    expect(refs).toEqual(['pkg:npm/%40a/b@1.0.0', 'pkg:npm/b@1.0.0']);
    expect(parsed.dependencies).toEqual([{ ref: 'stillpoint@1.0.0', dependsOn: refs }]);
  });

  it('is the same text in whatever order the parts are given', () => {
    const components = [library('a', 'MIT'), library('b', 'ISC')];
    expect(sbomText({ product, created, components: components.toReversed() })).toBe(
      sbomText({ product, created, components }),
    );
  });

  it.each([
    ['one licence', 'MIT', { license: { id: 'MIT' } }],
    ['a choice', '(MIT OR Apache-2.0)', { expression: '(MIT OR Apache-2.0)' }],
  ])('names %s as the format wants it', (_what, licence, expected) => {
    const text = sbomText({ product, created, components: [library('a', licence)] });
    expect(JSON.parse(text).components[0].licenses).toEqual([expected]);
  });

  it('escapes what a package URL gives another meaning', () => {
    expect(debPurl('libstdc++6', '14.2~1+b1', 'amd64', 'trixie')).toBe(
      'pkg:deb/debian/libstdc%2B%2B6@14.2~1%2Bb1?arch=amd64&distro=trixie',
    );
  });
});
