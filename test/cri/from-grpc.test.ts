import { describe, expect, it } from '@jest/globals';
import { fromGrpc } from '../../src/cri/from-grpc.ts';

const circumstances = {
  call: 'Version',
  socket: '/run/x.sock',
  cancelledByUs: false,
  deadlinePassed: false,
};

describe('an error of gRPC', () => {
  it.each([
    [
      'No connection established. Last error: Error: connect ENOENT /run/x.sock. Resolution note: ',
      'connect ENOENT /run/x.sock',
    ],
    [
      'No connection established. Last error: connect ECONNREFUSED /run/x.sock. Resolution note: a\nb',
      'connect ECONNREFUSED /run/x.sock',
    ],
    ['No connection established. Last error: null. Resolution note: ', 'no connection'],
    ['No addresses resolved. Resolution note: none', 'No addresses resolved'],
    ['container "x": not found', 'container "x": not found'],
  ])('says what happened, without the notes of the library: %s', (details, said) => {
    const error = fromGrpc({ code: 14, details }, circumstances);
    expect(error).toMatchObject({
      code: 'unreachable',
      message: `Version on /run/x.sock: ${said}`,
      details: { grpcText: said },
    });
  });
});
