import { describe, expect, it } from '@jest/globals';
import { createRedactor } from '../../src/rules/index.ts';
import { alert, benchOf, event, pod, podChanged } from './support/bench.ts';

const redactor = createRedactor();

describe('a redactor', () => {
  it.each([
    ['curl -u x --password=hunter2', 'curl -u x --password=[redacted]'],
    ['login --auth-token abc123 --now', 'login --auth-token [redacted] --now'],
    ['-H "Authorization: Bearer abcdefgh"', '-H "Authorization: [redacted]"'],
    ['sent Bearer abcdefgh.ijk', 'sent Bearer [redacted]'],
    ['DB_PASSWORD="a b" SECRET_KEY=xyz&b=1', 'DB_PASSWORD=[redacted] SECRET_KEY=[redacted]&b=1'],
    ['{"password": "hunter2", "a": 1}', '{"password": [redacted], "a": 1}'],
    ['aws_secret_access_key = abc/def+', 'aws_secret_access_key = [redacted]'],
    ['id AKIAABCDEFGHIJKLMNOP here', 'id [redacted] here'],
    ['jwt eyJhbGciOiJI.eyJzdWIiOiIx.sig end', 'jwt [redacted] end'],
    [
      'DB_PASS=x1 MYSQL_PWD="a b" ?user=a&pass=p&b=1',
      'DB_PASS=[redacted] MYSQL_PWD=[redacted] ?user=a&pass=[redacted]&b=1',
    ],
    ['sshpass -p hunter2 ssh a@b -p 22', 'sshpass -p [redacted] ssh a@b -p 22'],
    ['mysqldump -h db -phunter2 shop', 'mysqldump -h db -p[redacted] shop'],
    ['curl -s -u admin:hunter2 https://a', 'curl -s -u admin:[redacted] https://a'],
    ['redis-cli -h db -a hunter2 get x', 'redis-cli -h db -a [redacted] get x'],
    ['psql postgres://app:s3cret@db/shop', 'psql postgres://app:[redacted]@db/shop'],
    [`push ghp_${'a'.repeat(36)}`, 'push [redacted]'],
    [
      'cat: -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- done',
      'cat: [redacted] done',
    ],
    ['cut off -----BEGIN PRIVATE KEY-----\nMIIE', 'cut off [redacted]'],
  ])('takes the secret out of %j', (text, kept) => {
    expect(redactor.text(text)).toBe(kept);
  });

  it.each([
    'the secret of life is a token gesture',
    'A shell was spawned (user=root shell=bash parent=runc cmdline=bash terminal=34816)',
    'PWD=/home/app OLDPWD=/ KEYBOARD=us bypass=1',
    'mysql -p shop; ssh -p 22 a; curl -u admin https://a:443/; tar -a x',
    'mysqld --port=3306 --pid-file=x; mkdir -p /a',
    'Liveness probe failed: Get "http://[fe80::1]:8080/healthz": context deadline exceeded',
    'https://example.com/a@b',
  ])('leaves %j as it is', (text) => {
    expect(redactor.text(text)).toBe(text);
  });

  it('takes the whole value of a field whose path says so, whatever its case and type', () => {
    expect(redactor.field('output_fields.http.Authorization', 'x')).toBe('[redacted]');
    expect(redactor.field('output_fields.userToken', 12345)).toBe('[redacted]');
    expect(redactor.field('output_fields.evt.time', 12345)).toBe(12345);
    expect(redactor.field('output_fields.has_password', true)).toBe(true);
    expect(redactor.field('output_fields.proc.name', 'bash')).toBe('bash');
  });

  it.each([
    ['password=a password=b', 'password=[redacted] password=[redacted]'],
    [`${'password'.repeat(500)}=hunter2`, `${'password'.repeat(500)}=[redacted]`],
    [`key-token-${'x'.repeat(32)} = a`, `key-token-${'x'.repeat(32)} = a`],
    [`token${'x'.repeat(32)}=a`, `token${'x'.repeat(32)}=[redacted]`],
    [`password='unclosed token="b"`, `password='unclosed token=[redacted]`],
    [`--db-password 'a b' c`, `--db-password [redacted] c`],
    ['mysql mysql -h a mysql -phunter2', 'mysql mysql -h a mysql -p[redacted]'],
    ['mysql -h a; mysql -phunter2', 'mysql -h a; mysql -p[redacted]'],
    ['mysql -h a; tar -phunter2', 'mysql -h a; tar -phunter2'],
    ['redis-cli -a a1 | redis-cli -a a2', 'redis-cli -a [redacted] | redis-cli -a [redacted]'],
    ['a://b://c:d@e', 'a://b://c:[redacted]@e'],
    ['-eyJ-eyJabcdefgh.abcdefgh x', '-[redacted] x'],
    ['eyJabcdefgh.abc eyJabcdefgh.abcdefgh.', 'eyJabcdefgh.abc [redacted]'],
    [
      '-----BEGIN X-----BEGIN PRIVATE KEY-----a-----END X-----b-----END PRIVATE KEY-----c',
      '-----BEGIN X[redacted]c',
    ],
  ])('looks at each place of %j', (text, kept) => {
    expect(redactor.text(text)).toBe(kept);
  });

  it('knows its place again in the next text', () => {
    const twice = ['token=a', 'token=a', 'x', 'curl -u a:b', 'curl -u a:b'];
    expect(twice.map((text) => redactor.text(text))).toEqual([
      'token=[redacted]',
      'token=[redacted]',
      'x',
      'curl -u a:[redacted]',
      'curl -u a:[redacted]',
    ]);
  });

  it('takes globs that are no word, and those of an owner in any case', () => {
    const own = createRedactor({ fields: ['a.*.c', 'x?z', '*CARD*', '*end'] });
    const gone = ['a.b.c', 'xyz', 'my.card.no', 'the.end'];
    expect(gone.map((path) => own.field(path, 'v'))).toEqual(gone.map(() => '[redacted]'));
    expect(own.field('a.b.d', 'v')).toBe('v');
  });

  it("takes an owner's own fields and patterns", () => {
    const own = createRedactor({ fields: ['*.card'], patterns: ['\\b\\d{16}\\b'] });
    expect(own.field('output_fields.CARD', 'x')).toBe('[redacted]');
    expect(own.field('output_fields.password', 'x')).toBe('x');
    expect(own.text('paid by 4111111111111111')).toBe('paid by [redacted]');
  });

  it('refuses a pattern that is no RE2', () => {
    expect(() => createRedactor({ patterns: ['(?<=a)b'] })).toThrow(/redact.patterns.*RE2/);
  });
});

describe('an alert with secrets', () => {
  const bench = benchOf({
    leak:
      'when: { alert: { shape: falco, match: [ ' +
      '{ field: output_fields.proc.cmdline, contains: hunter2 }, ' +
      '{ field: output_fields.db.password, equals: pa55 } ] } }\ntarget: {}',
    live: 'when: { event: { reason: Unhealthy } }\ntarget: {}',
  });
  bench.at(0, podChanged(pod(), true));
  const fields = {
    'stillpoint.title': 'Leak --token abcdef',
    'stillpoint.severity': 'Critical',
    'output_fields.proc.cmdline': 'curl --password=hunter2',
    'output_fields.db.password': 'pa55',
  };

  it('is matched as it came, and kept and told without them', () => {
    const [decision] = bench.at(10, alert({ fields }));
    expect(decision).toMatchObject({ reason: 'fired', rule: 'leak' });
    const told = JSON.stringify({ ...decision, capture: undefined });
    // The rule's own text is no secret: it stands in the rule file.
    expect(decision?.signal.text).toBe('falco Critical: Leak --token [redacted]');
    expect(JSON.stringify(decision?.signal)).not.toMatch(/hunter2|pa55|abcdef/);
    expect(told).toContain('curl --password=[redacted]');
    expect(decision?.detail).toMatch(/password equals "pa55": "\[redacted\]"$/);
  });

  it('counts for the messages of Events too', () => {
    const message = 'Liveness probe failed: password=hunter2 refused';
    const [decision] = bench.at(20, event({ message }));
    expect(JSON.stringify(decision)).not.toContain('hunter2');
  });
});
