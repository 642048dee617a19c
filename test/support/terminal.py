"""Runs a program in a pseudo terminal and types answers into it.

Argument: JSON with argv, cwd, env, rows, limit_seconds and steps, each {"expect": text, "type": keys} or {"expect": text,
"signal": name}. Keys or signal are sent once the text has appeared since the step before. Prints JSON: {"status": exit status or null, "screen": everything shown}.
"""
import fcntl, json, os, pty, re, select, signal, struct, sys, termios, time

plan = json.loads(sys.argv[1])
deadline = time.monotonic() + plan["limit_seconds"]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", plan["rows"], 120, 0, 0))
    os.chdir(plan["cwd"])
    os.execve(plan["argv"][0], plan["argv"], plan["env"])

raw = b""
seen = 0
status = None
steps = list(plan["steps"])


def plain():
    text = raw.decode("utf-8", "replace")
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


while True:
    ready, _, _ = select.select([fd], [], [], 0.05)
    if ready:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        raw += chunk
    text = plain()
    if steps and steps[0]["expect"] in text[seen:]:
        step = steps.pop(0)
        seen = len(text)
        if "signal" in step:
            os.kill(pid, getattr(signal, step["signal"]))
        else:
            os.write(fd, step["type"].encode())
    if time.monotonic() > deadline:
        os.kill(pid, signal.SIGKILL)
        break

_, code = os.waitpid(pid, 0)
if os.WIFEXITED(code):
    status = os.WEXITSTATUS(code)
print(json.dumps({"status": status, "screen": plain(), "left": len(steps)}))
