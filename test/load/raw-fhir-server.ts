import { createHttpAdapter } from '#api';

/**
 * Baseline: Fastify with a route that answers one body, and nothing else. The body is its standard input up to the first line
 * end. Prints its port on a line of its own; ends when its standard input ends.
 */
const body = await new Promise<string>((resolve) => {
  let text = '';
  process.stdin.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.endsWith('\n')) resolve(text.slice(0, -1));
  });
});
const server = createHttpAdapter(() => {}).getInstance();
server.get('/fhir/:type/:id', (_request, reply) => {
  reply.header('content-type', 'application/fhir+json; charset=utf-8').send(body);
});
await server.listen({ port: 0, host: '127.0.0.1' });
const address = server.server.address();
process.stdout.write(`${typeof address === 'object' && address ? address.port : 0}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
