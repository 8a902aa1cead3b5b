import { systemClock } from '#kernel';

console.log('engine', systemClock.nowMs());
