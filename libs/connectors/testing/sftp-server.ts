import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path));

/** Whether there is an OpenSSH server on this machine. */
export const hasSftpServer = sshd !== undefined;

/** A real OpenSSH server on a free port, with keys of its own and a folder for them and for files. */
export class SftpServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'suture-sftp-'));
  readonly user = userInfo().username;
  /** SHA-256 of its key, in base64. */
  readonly hostKey: string;
  #process: ChildProcess | undefined;

  private constructor(readonly port: number) {
    for (const key of ['host', 'user', 'stranger'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(this.folder, key)]);
    writeFileSync(join(this.folder, 'authorized'), readFileSync(join(this.folder, 'user.pub')), {
      mode: 0o600,
    });
    const shown = execFileSync('ssh-keygen', ['-lf', join(this.folder, 'host.pub')]).toString();
    this.hostKey = /SHA256:(\S+)/.exec(shown)?.[1] ?? '';
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true });
    this.listen();
  }

  static async start(): Promise<SftpServer> {
    return new SftpServer(await freePort());
  }

  /** The file of a private key: `user` is let in, `stranger` is not. */
  key(name: 'user' | 'stranger'): string {
    return join(this.folder, name);
  }

  listen(): void {
    const options = {
      ListenAddress: '127.0.0.1',
      HostKey: join(this.folder, 'host'),
      AuthorizedKeysFile: join(this.folder, 'authorized'),
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
      PermitRootLogin: 'yes',
      PasswordAuthentication: 'no',
      Subsystem: 'sftp internal-sftp',
    };
    const words = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    this.#process = spawn(sshd ?? '', ['-D', '-e', '-f', '/dev/null', '-p', String(this.port), ...words], {
      stdio: 'ignore',
    });
  }

  /** The server goes away, and its sessions with it. */
  kill(): void {
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    execFileSync('sh', ['-c', `kill -9 ${pid} $(ps -o pid= --ppid ${pid}) 2>/dev/null || true`]);
  }

  close(): void {
    this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}
