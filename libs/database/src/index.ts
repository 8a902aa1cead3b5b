export { type Migration } from './migrations.js';
