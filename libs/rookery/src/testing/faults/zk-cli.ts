import { spawn, type ChildProcess } from 'node:child_process';

/** What ZooKeeper's command line says where it did not do what it was told. */
const FAULT =
  /^(Node does not exist|Node already exists|Node not empty|Insufficient permission|.*KeeperErrorCode|Command not found|version No is not valid|Authentication is not valid|.*Exception)/m;
/** What it says that was not asked for. */
const NOISE = /^(WATCHER::|WatchedEvent .*|Connecting to .*|Welcome to ZooKeeper!|JLine support .*|SLF4J: .*|)$/;

/**
 * ZooKeeper's own command line, as one process for many commands: each start of Java takes the better part of a second.
 * Starts with the first command.
 */
export class ZkCli {
  #process: ChildProcess | undefined;
  #output = '';
  #commands = 0;
  #heard: (() => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param args of java */
  constructor(
    private readonly java: string,
    private readonly args: readonly string[],
  ) {}

  /** What it printed. Commands run one after the other; arguments with spaces or quotes are put into single quotes. */
  run(args: readonly string[]): Promise<string> {
    const running = this.#last.then(() => this.#run(args.map(quoted).join(' ')));
    this.#last = running.catch(() => {});
    return running;
  }

  /** It is gone when this returns; the next command starts another one. */
  stop(): void {
    this.#process?.kill('SIGKILL');
    this.#process = undefined;
    this.#heard?.();
  }

  async #run(command: string): Promise<string> {
    const process = (this.#process ??= this.#start());
    // It tells no end of an answer: what it says of a path that is not there stands behind it.
    const end = `/rookery-end-${(this.#commands += 1)}`;
    process.stdin?.write(`${command}\nget ${end}\n`);
    while (this.#process === process && !this.#output.includes(`Node does not exist: ${end}\n`))
      await new Promise<void>((resolve) => (this.#heard = resolve));
    const [answer = ''] = this.#output.split(`Node does not exist: ${end}\n`);
    this.#output = '';
    if (this.#process !== process) throw new Error(`zkCli ended: ${answer}`);
    const lines = answer.split('\n').filter((line) => !NOISE.test(line));
    const text = lines.join('\n');
    if (FAULT.test(text)) throw new Error(`zkCli ${command}: ${text}`);
    return text;
  }

  #start(): ChildProcess {
    // Both of its streams in one, so that what it said first comes first.
    const process = spawn('sh', ['-c', 'exec "$0" "$@" 2>&1', this.java, ...this.args], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    process.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (this.#process === process) this.#output += text;
      this.#heard?.();
    });
    process.stdin.on('error', () => {});
    process.once('exit', () => {
      if (this.#process === process) this.stop();
    });
    return process;
  }
}

function quoted(arg: string): string {
  if (arg.includes("'")) throw new Error(`zkCli takes no single quotes: ${arg}`);
  return arg === '' || /[\s"]/.test(arg) ? `'${arg}'` : arg;
}
