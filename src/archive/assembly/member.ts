/** One member of the archive to be made, in the order in which it is written. */
export type Member =
  | (MemberHead & { kind: 'directory' })
  | (MemberHead & { kind: 'bytes'; data: Uint8Array })
  | (MemberHead & {
      kind: 'file';
      /** Absolute. */
      path: string;
      bytes: number;
      /** Nanoseconds since 1970, as text: it must not have changed when it was copied. */
      modifiedNs: string;
    });

interface MemberHead {
  /** Inside the archive, without `./` and without the `/` of a directory. */
  name: string;
  mode: number;
  /** Whole seconds since 1970. */
  modifiedS: number;
}

/** What an archive of the runtime would hold and this one does not, or not wholly. */
export interface MissingMember {
  member: string;
  why: string;
  /** It is there, but not all of it. */
  isPartly?: true;
}

/** As containerd leaves them: what it writes itself is 0600, what it unpacks 0644. */
export const modes = { directory: 0o700, own: 0o600, unpacked: 0o644 } as const;
