import { readFile } from 'node:fs/promises';
import { Client, type SFTPWrapper } from 'ssh2';
import { EngineError } from '#kernel';

const connectWithinMs = 20_000;
/** An answer that takes longer means that the connection is dead. */
const answerWithinMs = 60_000;
const keepAliveMs = 15_000;

export interface SftpAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  /** SHA-256 of the server's key, base64 without padding, as OpenSSH shows it. */
  readonly hostKey: string;
}

/** One connection to an SFTP server whose key is the one that is known. */
export class SftpSession {
  isOpen = true;

  private constructor(
    private readonly client: Client,
    readonly sftp: SFTPWrapper,
  ) {
    client.on('close', () => {
      this.isOpen = false;
    });
    // 'close' follows; whoever waits for an answer is told by it.
    client.on('error', () => {});
    sftp.on('error', () => {});
  }

  /** `unavailable` SFTP_UNREACHABLE; `misconfigured` SFTP_HOST_KEY_WRONG, SFTP_KEY_UNUSABLE, SFTP_REFUSED. */
  static async open(address: SftpAddress): Promise<SftpSession> {
    const privateKey = await readFile(address.keyFile).catch((cause: unknown) => {
      throw new EngineError('misconfigured', 'SFTP_KEY_UNUSABLE', `cannot read ${address.keyFile}`, {
        cause,
      });
    });
    const client = new Client();
    let seen = '';
    try {
      const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
        client.on('error', reject);
        client.on('close', () => reject(new Error('closed')));
        client.on('ready', () => client.sftp((error, opened) => (error ? reject(error) : resolve(opened))));
        client.connect({
          host: address.host,
          port: address.port,
          username: address.user,
          privateKey,
          readyTimeout: connectWithinMs,
          keepaliveInterval: keepAliveMs,
          hostHash: 'sha256',
          hostVerifier: (hex: string) => {
            seen = Buffer.from(hex, 'hex').toString('base64').replace(/=+$/, '');
            return seen === address.hostKey;
          },
        });
      });
      return new SftpSession(client, sftp);
    } catch (cause) {
      client.destroy();
      throw connectError(address, seen, cause);
    }
  }

  /** One request. Rejects with the error of the server, or when the connection is gone. */
  async ask<T>(
    request: (sftp: SFTPWrapper, done: (error: Error | null | undefined, value?: T) => void) => void,
  ): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let gone: () => void = () => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        gone = () => reject(new Error('the connection is gone'));
        timer = setTimeout(gone, answerWithinMs);
        this.client.once('close', gone);
        if (!this.isOpen) gone();
        else request(this.sftp, (error, value) => (error ? reject(error) : resolve(value as T)));
      });
    } finally {
      clearTimeout(timer);
      this.client.removeListener('close', gone);
    }
  }

  close(): void {
    this.client.end();
    this.client.destroy();
  }
}

function connectError({ host, port, user, hostKey }: SftpAddress, seen: string, cause: unknown): EngineError {
  const server = `${host}:${port}`;
  if (seen !== '' && seen !== hostKey)
    return new EngineError(
      'misconfigured',
      'SFTP_HOST_KEY_WRONG',
      `the key of ${server} is SHA256:${seen}, not the one of host_key; ask its operator which is right before you change it`,
      { cause },
    );
  const { level, code } = cause as { level?: string; code?: string };
  if (level === 'client-authentication')
    return new EngineError(
      'misconfigured',
      'SFTP_REFUSED',
      `${server} does not let ${user} in with this key`,
      { cause },
    );
  if (cause instanceof Error && /privateKey/.test(cause.message))
    return new EngineError(
      'misconfigured',
      'SFTP_KEY_UNUSABLE',
      'the file of key holds no private key that can be used',
      { cause },
    );
  return new EngineError(
    'unavailable',
    'SFTP_UNREACHABLE',
    `${server} does not answer (${code ?? level ?? 'closed'})`,
    { cause },
  );
}
