import { buildLab } from '../build/index.ts';
import { down } from '../cluster/index.ts';
import { withLabLock } from '../lock.ts';
import { runKubectl } from './kubectl.ts';
import { showStatus } from './status.ts';
import { runUp } from './up.ts';
import { runVm } from './vm.ts';

const help = `The lab: real Kubernetes nodes on this machine, in a network namespace of their own.

  npm run lab -- build              build every program and image once (first time: minutes)
  npm run lab -- up [NODES] [...]   bring up 1 node, or NODES
      --full                        with kube-scheduler and kube-controller-manager, and the
                                    files of each node at the standard paths
      --stillpoint                  with Stillpoint's image on every node, ready to install
      --kubelet-self-signed         kubelets serve with a certificate they signed themselves
      --gate NAME=true|false        set a Kubernetes feature gate; may be given more than once
      --cgroup-driver DRIVER        cgroupfs (default) or systemd
  npm run lab -- status             what runs; exit code 1 when the lab is not up
  npm run lab -- kubectl ARGS       kubectl with all rights, inside the lab
  npm run lab -- down               take it down; exit code 1 if anything is left of it
  npm run lab -- vm [-s] COMMAND    run a command in a throw-away machine with cgroup v2
      -s                            with systemd as process 1
      --out DIR                     a folder that the command can write to, as /out
      --timeout SECONDS             give up after this long (1800)

Root on Debian with Go. STILLPOINT_LAB_HOME says where its files lie (/opt/stillpoint-lab);
labs with different STILLPOINT_LAB_NAME (stillpoint-lab) run side by side.
`;

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case 'build':
      await buildLab();
      return 0;
    case 'up':
      return withLabLock('up', () => runUp(rest));
    case 'status':
      return showStatus();
    case 'kubectl':
      return runKubectl(rest);
    case 'down':
      await withLabLock('down', down);
      return 0;
    case 'vm':
      return runVm(rest);
    case 'help':
    case '--help':
    case undefined:
      process.stdout.write(help);
      return 0;
    default:
      process.stderr.write(`lab: unknown command "${command}"; "npm run lab -- help" lists them\n`);
      return 2;
  }
}

// "… status | head" closes our output early, which is no failure.
process.stdout.on('error', () => process.exit(0));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
