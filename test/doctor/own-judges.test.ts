import { describe, expect, it } from '@jest/globals';
import type { AgentStatus } from '../../src/agent/index.ts';
import { type AgentFacts, judgeAgent } from '../../src/doctor/checks/agent.ts';
import { type DenyListFacts, judgeDenyList } from '../../src/doctor/checks/deny-list.ts';
import { type GuardFacts, judgeGuard } from '../../src/doctor/checks/guard.ts';
import { type HttpFacts, judgeHttp } from '../../src/doctor/checks/http.ts';
import { judgeNats, type NatsFacts } from '../../src/doctor/checks/nats.ts';
import { judgeRules, type RulesFacts } from '../../src/doctor/checks/rules.ts';
import { type Row, shown, UNREACHABLE } from './support.ts';

const live = { name: 'pods', status: { state: 'live', sinceMs: 0 }, dropped: {} } as const;
const status = {
  version: '1',
  node: 'n1',
  startedMs: 0,
  mode: 'enforce',
  warnings: [],
  sources: [live],
  backends: [],
  rules: { loaded: [], policies: [], warnings: [] },
  captures: { waiting: 0, paused: false, usedThisHour: 0, perHourMax: 6 },
  archives: { ours: 0, oursBytes: 0, foreign: 0, foreignBytes: 0 },
  disk: { path: '/c' },
  recent: [],
} as unknown as AgentStatus;

describe('the guard', () => {
  const says = (guard: unknown): GuardFacts => ({
    run: 'auto',
    status: { ok: true, value: { ...status, guard } as AgentStatus },
  });
  it.each<Row<GuardFacts>>([
    ['answers the agent', says({ state: 'live', pid: 12 }), ['ok', 'ok'], /process 12/],
    [
      'is away',
      says({ state: 'absent', why: 'connect ENOENT' }),
      ['warn', 'guard-absent'],
      /ENOENT.*pause nothing.*guard.md/,
    ],
    ['is not wanted', { run: 'none', status: UNREACHABLE }, ['skipped', 'none-wanted']],
    ['cannot be asked for', { run: 'auto', status: UNREACHABLE }, ['skipped', 'no-agent']],
    ['is unknown to an older agent', says(undefined), ['skipped', 'no-agent'], /too old/],
  ])('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeGuard(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the agent', () => {
  const says = (more: Partial<AgentStatus>): AgentFacts => ({
    status: { ok: true, value: { ...status, ...more } },
    inPod: true,
    version: '1',
  });
  const silent = { status: UNREACHABLE, version: '1' };
  const rows: Row<AgentFacts>[] = [
    ['answers', says({}), ['ok', 'ok'], /enforce.*1 of 1 sources live/],
    ['only observes', says({ mode: 'observe' }), ['warn', 'observes'], /mode: enforce/],
    ['does not run yet', { ...silent, inPod: false }, ['warn', 'agent-absent']],
    ['is silent in its own pod', { ...silent, inPod: true }, ['fail', 'agent-silent'], /logs/],
    [
      'is paused',
      says({ captures: { ...status.captures, paused: true } }),
      ['warn', 'paused'],
      /stillpoint resume/,
    ],
    [
      'has used up its hour',
      says({ captures: { ...status.captures, usedThisHour: 6 } }),
      ['warn', 'budget-used'],
    ],
    [
      'sees no pods',
      says({
        sources: [{ ...live, status: { state: 'degraded', sinceMs: 0, reason: '403' } }],
      }),
      ['warn', 'source-degraded'],
      /source pods is degraded: 403/,
    ],
    [
      'refuses its rules',
      says({ rules: { ...status.rules, refused: 'a.yaml:3:1: no such key\nmore' } }),
      ['fail', 'rules-refused'],
      /a\.yaml:3:1: no such key → /,
    ],
    [
      'cannot use the directory',
      says({ disk: { path: '/c', problem: 'read-only' } }),
      ['fail', 'archives-unusable'],
    ],
    [
      'needs a new start',
      says({ warnings: ['http.port is 1 on disk'] }),
      ['warn', 'configuration'],
      /http\.port/,
    ],
    ['is of another version', { ...says({}), version: '2' }, ['warn', 'other-version']],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeAgent(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('NATS', () => {
  const servers = ['nats://n:4222'];
  const connected = { ok: true, value: { server: 'n:4222' } } as const;
  const rows: Row<NatsFacts>[] = [
    ['is not configured', undefined, ['skipped', 'not-configured']],
    ['lets us listen', { servers, connected, refused: [] }, ['ok', 'ok']],
    [
      'is away',
      { servers, connected: UNREACHABLE, refused: [] },
      ['fail', 'unreachable'],
      /n:4222/,
    ],
    [
      'does not know us',
      {
        servers,
        connected: { ok: false, error: { code: 'unauthorized', message: 'm', hint: 'h' } },
        refused: [],
      },
      ['fail', 'unauthorized'],
      /credsFile/,
    ],
    [
      'lets us in but not listen',
      { servers, connected, refused: [{ subject: 'falco.>', message: 'no' }] },
      ['fail', 'forbidden'],
      /subscribe to falco\.>/,
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeNats(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the rules', () => {
  const path = '/etc/stillpoint/rules';
  const mistake = { file: 'a.yaml', line: 3, column: 1, path: 'spec', message: 'no such key' };
  const set = { rules: [], policies: [], warnings: [] };
  const rows: Row<RulesFacts>[] = [
    [
      'cannot be loaded',
      { path, loaded: { ok: false, mistakes: [mistake, mistake] } },
      ['fail', 'bad-rules'],
      /^2 mistakes.*a\.yaml:3:1.*rules check/,
    ],
    ['are none', { path, loaded: { ok: true, set } }, ['warn', 'no-rules']],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeRules(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the port', () => {
  const port = 9_466;
  const rows: Row<HttpFacts>[] = [
    ['is free', { port, taken: false, agentRuns: false }, ['ok', 'ok']],
    ['is the agent’s', { port, taken: true, agentRuns: true }, ['ok', 'ok']],
    ['is another’s', { port, taken: true, agentRuns: false }, ['fail', 'port-taken'], /http\.port/],
    ['is silent', { port, taken: false, agentRuns: true }, ['warn', 'silent']],
    ['is any', { port: 0, taken: false, agentRuns: false }, ['skipped', 'any-port']],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeHttp(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});

describe('the deny list', () => {
  const rows: Row<DenyListFacts>[] = [
    ['is short outside of a pod', { inPod: false, added: [] }, ['ok', 'ok']],
    [
      'knows our pod',
      { inPod: true, podUid: 'u', podNamespace: 'stillpoint', added: ['bank-*'] },
      ['ok', 'ok'],
      /bank-\*/,
    ],
    [
      'does not know our pod',
      { inPod: true, podNamespace: 'stillpoint', added: [] },
      ['warn', 'own-pod-unknown'],
      /POD_UID/,
    ],
  ];
  it.each(rows)('%s', (_, facts, [state, code], words = /./) => {
    const findings = judgeDenyList(facts);
    expect(findings).toMatchObject([{ state, code }]);
    expect(shown(findings)).toMatch(words);
  });
});
