export { fromXml } from './from-xml.js';
export { toXml } from './to-xml.js';
