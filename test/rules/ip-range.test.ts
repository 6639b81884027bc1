import { describe, expect, it } from '@jest/globals';
import { type IpRange, isInRanges, parseIpRange } from '../../src/rules/ip-range.ts';

function range(text: string): IpRange {
  const parsed = parseIpRange(text);
  if ('why' in parsed) throw new Error(parsed.why);
  return parsed;
}

describe('a range of addresses', () => {
  const rows: [range: string, address: string, isIn: boolean][] = [
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['169.254.169.254/32', '169.254.169.254', true],
    ['192.168.128.0/17', '192.168.127.255', false],
    ['192.168.128.0/17', '192.168.128.0', true],
    ['fd00::/8', 'fdff:1:2:3:4:5:6:7', true],
    ['fd00::/8', 'FE80::1', false],
    ['::/0', '10.0.0.1', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['10.0.0.0/8', '10.0.0.1:8080', true],
    ['fd00::/8', '[fd00::1]:8080', true],
    ['fd00::/8', '[fd00::1]', true],
  ];
  it.each(rows)('%s with %s in it: %s', (text, address, isIn) => {
    expect(isInRanges([range(text)], address)).toBe(isIn);
  });

  it.each([
    '',
    'localhost',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.01',
    '10.0.0.1.2',
    '10.0.0.1/8',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '::1::',
    '12345::',
    '::g',
    '1.2.3.4::',
    ':1',
    '10.0.0.1:port',
    `${'1:'.repeat(60)}:`,
  ])('has no %j in it, which is no address', (address) => {
    expect(isInRanges([range('0.0.0.0/0'), range('::/0')], address)).toBe(false);
  });

  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['192.168.1.1/30', '192.168.1.0/30'],
    ['fd00::1/8', 'fd00::/8'],
    ['2001:db8:0:1::5/64', '2001:db8:0:1::/64'],
    ['::1/64', '::/64'],
  ])('%s is refused, and %s is proposed', (text, suggestion) => {
    expect(parseIpRange(text)).toMatchObject({ why: 'has bits after its length', suggestion });
    expect(parseIpRange(suggestion)).not.toHaveProperty('why');
  });

  it.each(['10.0.0.0/33', '10.0.0.0/', '::/129', '::/-1', '10.0.0.0/8/8', 'ten/8'])(
    '%s is none',
    (text) => expect(parseIpRange(text)).toHaveProperty('why'),
  );
});
