/** A part of the image, as the list of its contents names it. */
export interface Component {
  type: 'library' | 'application' | 'operating-system';
  name: string;
  version: string;
  /** Package URL: how scanners look for known holes. */
  purl?: string;
  /** SPDX expression. */
  licence?: string;
  sha256?: string;
  properties?: Record<string, string>;
}

export interface SbomInput {
  product: Component;
  /** RFC 3339. */
  created: string;
  components: readonly Component[];
}

/** The list of what is inside, as CycloneDX 1.6 JSON. The same parts give the same text. */
export function sbomText({ product, created, components }: SbomInput): string {
  const sorted = [...components].sort((a, b) => (refOf(a) < refOf(b) ? -1 : 1));
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { timestamp: created, component: componentJson(product) },
    components: sorted.map(componentJson),
    dependencies: [{ ref: refOf(product), dependsOn: sorted.map(refOf) }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function componentJson(component: Component) {
  const { type, name, version, purl, licence, sha256, properties } = component;
  return {
    type,
    'bom-ref': refOf(component),
    name,
    version,
    ...(licence !== undefined && { licenses: [licenceJson(licence)] }),
    ...(purl !== undefined && { purl }),
    ...(sha256 !== undefined && { hashes: [{ alg: 'SHA-256', content: sha256 }] }),
    ...(properties !== undefined && {
      properties: Object.entries(properties).map(([key, value]) => ({ name: key, value })),
    }),
  };
}

/** One licence has an id; several joined by words, or in parentheses, are an expression. */
function licenceJson(licence: string) {
  return /[\s()]/.test(licence) ? { expression: licence } : { license: { id: licence } };
}

function refOf({ purl, name, version }: Component): string {
  return purl ?? `${name}@${version}`;
}

/** The package URL of an npm package; the scope's `@` is escaped. */
export function npmPurl(name: string, version: string): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
}

/** The package URL of a Debian package; `+` and `:` of a version are escaped. */
export function debPurl(name: string, version: string, architecture: string, suite: string) {
  const escaped = [name, version].map(encodeURIComponent);
  return `pkg:deb/debian/${escaped.join('@')}?arch=${architecture}&distro=${suite}`;
}
