import { createServer } from 'node:net';
import { acknowledge, FrameCutter, frameMessage, readMessageHeader } from '#hl7v2';

/**
 * Baseline: frames, header and acknowledgment as the engine does them, and nothing else: no journal, no durability.
 * Prints its port on a line of its own; ends when its standard input ends.
 */
let lastId = 0;
const server = createServer({ noDelay: true }, (socket) => {
  const cutter = new FrameCutter();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const answers: Buffer[] = [];
    for (const event of cutter.push(chunk)) {
      if (event.kind !== 'frame') continue;
      const options = { nowMs: Date.now(), ownId: () => String(++lastId) };
      const replies = acknowledge(readMessageHeader(event.bytes), { outcome: 'accepted' }, options);
      for (const reply of replies) answers.push(frameMessage(reply.bytes));
    }
    socket.write(Buffer.concat(answers));
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address ? address.port : 0}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
