export { HttpDestination, type HttpDestinationOptions } from './http/http-destination.js';
export { HttpPoster } from './http/http-poster.js';
