import type { FileProblem } from '#declaration';
import { compileTopic, type Topic } from './topic.js';
import { readTopicFiles, type TopicFile } from './topic-file.js';

/** The topics of an installation, as their files stood when it was opened. */
export class TopicCatalog {
  private constructor(
    private readonly topics: ReadonlyMap<string, Topic>,
    /** Each names file, line, column and remedy; the topics here do without the files that have problems. */
    readonly problems: readonly FileProblem[],
  ) {}

  /** Reads and compiles `*.yaml` of `directory`, which need not exist. */
  static open(directory: string): TopicCatalog {
    const read = readTopicFiles(directory);
    return TopicCatalog.of(read.topics, read.problems);
  }

  /** Those that are declared, and problems that were found before. */
  static of(files: readonly TopicFile[], found: readonly FileProblem[] = []): TopicCatalog {
    const problems = [...found];
    const topics = new Map<string, Topic>();
    for (const file of files) {
      const topic = compileTopic(file);
      if ('code' in topic) problems.push(topic);
      else topics.set(topic.url, topic);
    }
    return new TopicCatalog(topics, problems);
  }

  find(url: string): Topic | undefined {
    return this.topics.get(url);
  }

  /** Canonical URLs in order. */
  get urls(): string[] {
    return [...this.topics.keys()].sort();
  }
}

/** Where no topic is declared. */
export const noTopics = TopicCatalog.of([]);
