export { compileInterest, type Interest, interestText } from './interest.js';
export type { Change, Topic } from './topic.js';
export { noTopics, TopicCatalog } from './topic-catalog.js';
