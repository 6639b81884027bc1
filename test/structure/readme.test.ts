import { describe, expect, it } from '@jest/globals';
import { runProgram } from '../../src/cli/program.ts';
import { readText } from './source-tree.ts';

const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };

/** Command lines in the `sh` blocks of a document, comments taken off. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? '');
  return blocks
    .flatMap((block) => block.split('\n'))
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '');
}

/**
 * The words after the program's name when the line runs stillpoint itself, here or through the
 * kubectl plugin; what is the plugin's own (`fetch`, `--node NAME`) is proved by its own tests.
 */
function stillpointWords(line: string): string[] | undefined {
  const match =
    /^(?:npm run stillpoint --|node dist\/stillpoint\.mjs|kubectl stillpoint(?! fetch)|stillpoint) (.*)$/.exec(
      line.replace(/^(kubectl stillpoint.*?) --node \S+/, '$1'),
    );
  return match?.[1]?.split(/\s+/);
}

/** The folder that the line applies. */
function appliedFolder(line: string): string | undefined {
  return /^kubectl apply -k (\S+)$/.exec(line)?.[1];
}

async function run(words: readonly string[]): Promise<{ exitCode: number; text: string }> {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  const exitCode = await runProgram(words, { out: write, err: write, color: false });
  return { exitCode, text };
}

/** The command of a line: its words up to the first that is no sub-command. */
async function helpFor(words: readonly string[]): Promise<string> {
  const command = words.filter((word) => /^[a-z]+$/.test(word)).slice(0, 2);
  const two = await run([...command, '--help']);
  const { text } = two.exitCode === 0 ? two : await run([...command.slice(0, 1), '--help']);
  return text;
}

describe('the README', () => {
  const commands = commandsIn(readText('README.md'));

  it('names only scripts that package.json has', () => {
    expect(commands.length).toBeGreaterThan(10);
    const missing = commands
      .map((line) => /^npm (?:run )?([\w:]+)/.exec(line)?.[1])
      .filter((name) => name !== undefined && scripts[name] === undefined);
    expect(missing).toEqual([]);
  });

  it('has no command line that is neither npm, stillpoint, its plugin nor an install', () => {
    const strange = commands.filter(
      (line) =>
        !line.startsWith('npm ') &&
        !line.startsWith('kubectl stillpoint fetch ') &&
        stillpointWords(line) === undefined &&
        appliedFolder(line) === undefined,
    );
    expect(strange).toEqual([]);
  });

  it('applies only folders that are there', () => {
    const folders = commands.map(appliedFolder).filter((folder) => folder !== undefined);
    expect(folders).not.toEqual([]);
    for (const folder of folders) readText(`${folder}/kustomization.yaml`);
  });

  it.each(commands.filter((line) => stillpointWords(line) !== undefined))(
    'has `%s`, a command and options that exist',
    async (line) => {
      const words = stillpointWords(line) ?? [];
      const help = await helpFor(words);
      expect(help).toContain(`stillpoint ${words[0]}`);
      for (const option of words.filter((word) => word.startsWith('--'))) {
        expect(help).toContain(option);
      }
    },
  );

  it('shows the output of `rules check rules/` as it is', async () => {
    const { exitCode, text } = await run(['rules', 'check', 'rules/']);
    expect(exitCode).toBe(0);
    expect(readText('README.md')).toContain(text.trimEnd());
  });

  it('shows a rule that loads', async () => {
    const { rulesFromDocuments } = await import('../../src/rules/index.ts');
    const { parseYaml } = await import('../../src/base/index.ts');
    const yaml = [...readText('README.md').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
      (match) => match[1] ?? '',
    );
    const rule = yaml.find((text) => text.includes('kind: CheckpointRule')) ?? '';
    const loaded = rulesFromDocuments(parseYaml(rule, 'README.md'), { nowMs: 0 });
    expect(loaded).toMatchObject({ ok: true });
  });

  it('shows a configuration that loads', async () => {
    const { parseAgentConfig } = await import('../../src/agent/index.ts');
    const yaml = [...readText('README.md').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
      (match) => match[1] ?? '',
    );
    const config = yaml.find((text) => text.includes('kind: AgentConfig')) ?? '';
    expect(parseAgentConfig(config, 'README.md').node).toBe('node1');
  });
});
