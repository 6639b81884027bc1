/**
 * Names as the API server lets them in (apimachinery util/validation): no slash, no dots alone.
 * Asked again here, where they come in: a path or URL made of them must stay where it belongs.
 */

/** RFC 1123 label: a namespace, a container. */
export function isLabelName(name: string | undefined): name is string {
  return name !== undefined && /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(name);
}

/** RFC 1123 subdomain: a pod. */
export function isObjectName(name: string | undefined): name is string {
  return name !== undefined && /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/.test(name);
}

/** A UUID, or the hash that the kubelet gives to a static pod. */
export function isUid(uid: string | undefined): uid is string {
  return uid !== undefined && /^[0-9A-Za-z_-]{1,128}$/.test(uid);
}
