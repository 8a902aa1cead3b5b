export { HttpDestination, type HttpDestinationOptions } from './http/http-destination.js';
export { HttpPoster } from './http/http-poster.js';
export { MllpClient, type MllpClientOptions, type MllpReply } from './mllp/mllp-client.js';
export { MllpSource } from './mllp/mllp-source.js';
export type { MllpSourceCounters, MllpSourceEvent, MllpSourceOptions } from './mllp/mllp-source-options.js';
