import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { criuOf, inNode, makeForeignCertificate } from '../cluster/index.ts';
import { type LabNode, pathInNode } from '../lab-info.ts';
import { binDir, oldCriu } from '../layout.ts';
import { startContainerd, startKubelet, stopContainerd, stopKubelet } from './faults.ts';

/*
 * Nodes that are wrong in the ways real ones are. Each function breaks one thing on one node of a
 * lab with own paths (`up --full`) and returns what mends it again.
 */

export type Cure = () => Promise<void>;

/** CRIU is nowhere on the path of containerd, of its shims and of runc. */
export function takeCriuAway(node: LabNode): Promise<Cure> {
  return changeCriu(node, (criu) => rmSync(criu));
}

/** The CRIU of Debian 12: it says its version, and cannot dump on this kernel. */
export function giveOldCriu(node: LabNode): Promise<Cure> {
  return changeCriu(node, (criu) => copyFileSync(oldCriu, criu));
}

/** containerd looks for CRIU once and remembers what it found until it is started again. */
async function changeCriu(node: LabNode, change: (criu: string) => void): Promise<Cure> {
  const criu = criuOf(rootOf(node));
  change(criu);
  await restartContainerd(node);
  return async () => {
    copyFileSync(path.join(binDir, 'criu'), criu);
    await restartContainerd(node);
  };
}

async function restartContainerd(node: LabNode): Promise<void> {
  await stopContainerd(node.name);
  await startContainerd(node.name);
}

/** For one kubelet, which is started again. Without ContainerCheckpoint it answers 404. */
export function setKubeletGate(node: LabNode, gate: string, on: boolean): Promise<Cure> {
  return changeKubeletConfig(node, (config) => ({
    ...config,
    featureGates: { ...config.featureGates, [gate]: on },
  }));
}

/** The kubelet, started again, serves a certificate of an authority that nobody trusts. */
export async function serveForeignCertificate(node: LabNode): Promise<Cure> {
  const { cert, key } = await makeForeignCertificate(node);
  return changeKubeletConfig(node, (config) => ({
    ...config,
    tlsCertFile: cert,
    tlsPrivateKeyFile: key,
  }));
}

/** The runtime runs on, but its socket is not where everybody looks for it. */
export function hideRuntimeSocket(node: LabNode): Cure {
  const hidden = `${node.containerdSocket}.hidden`;
  renameSync(node.containerdSocket, hidden);
  return async () => renameSync(hidden, node.containerdSocket);
}

/**
 * Nothing can be written where archives are to be. As after each mount on a node, a pod that runs
 * already sees it only with `mountPropagation: HostToContainer`.
 */
export async function makeCheckpointsReadOnly(node: LabNode): Promise<Cure> {
  const dir = checkpointsInNode(node);
  await inNode(node.name, 'mount', ['--bind', dir, dir]);
  await inNode(node.name, 'mount', ['-o', 'remount,bind,ro', dir]);
  return () => unmount(node, dir);
}

/** A disk of that size, full but for `freeMb`, where archives are to be; for pods as above. */
export async function fillCheckpointsDisk(
  node: LabNode,
  { sizeMb = 64, freeMb = 0 }: { sizeMb?: number; freeMb?: number } = {},
): Promise<Cure> {
  const dir = checkpointsInNode(node);
  const size = `size=${sizeMb}m,mode=700`;
  await inNode(node.name, 'mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', dir]);
  await inNode(node.name, 'fallocate', ['-l', `${sizeMb - freeMb}MiB`, `${dir}/filler`]);
  return () => unmount(node, dir);
}

async function unmount(node: LabNode, dir: string): Promise<void> {
  // Lazily: a program that has a file open there goes on with it.
  await inNode(node.name, 'umount', ['--lazy', dir]);
}

/**
 * The kubelet, started again, asks the API server for each right anew; it otherwise remembers one
 * that it granted for 5 min, and one that it refused for 30 s.
 */
export function forgetRightsAtOnce(node: LabNode): Promise<Cure> {
  // Zero would mean the default.
  const webhook = { cacheAuthorizedTTL: '1ms', cacheUnauthorizedTTL: '1ms' };
  return changeKubeletConfig(node, (config) => ({
    ...config,
    authorization: { ...config.authorization, webhook },
  }));
}

interface KubeletConfig {
  featureGates?: Record<string, boolean>;
  authorization?: object;
}

async function changeKubeletConfig(
  node: LabNode,
  change: (config: KubeletConfig) => object,
): Promise<Cure> {
  const before = readFileSync(node.kubeletConfig, 'utf8');
  const restartWith = async (text: string) => {
    await stopKubelet(node.name);
    writeFileSync(node.kubeletConfig, text);
    await startKubelet(node.name);
  };
  await restartWith(JSON.stringify(change(JSON.parse(before)), null, 2));
  return () => restartWith(before);
}

function checkpointsInNode(node: LabNode): string {
  rootOf(node);
  return pathInNode(node, node.checkpointsDir);
}

function rootOf(node: LabNode): string {
  if (node.rootDir !== undefined) return node.rootDir;
  throw new Error(`${node.name} shares the machine's paths: bring the lab up with --full`);
}
