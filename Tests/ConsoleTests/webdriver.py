"""A browser, driven over the W3C WebDriver protocol: Chromium without a window."""
import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request

from support.checks import wait_until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def missing():
    """What this machine lacks, or nothing."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        return "no chromium (Debian's package chromium)"
    if not shutil.which("chromedriver"):
        return "no chromedriver (Debian's package chromium-driver)"
    return None


class Browser:
    def __init__(self, width=1400, height=900):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.folder = tempfile.mkdtemp(prefix="browser-")
        # A browser keeps things in its home; a test's goes with the test.
        env = {**os.environ, "HOME": self.folder}
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self._is_ready, "chromedriver ready")
            options = {
                "binary": shutil.which("chromium") or shutil.which("chromium-browser"),
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--hide-scrollbars", "--no-proxy-server", f"--window-size={width},{height}"],
            }
            made = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
            self.session = f"/session/{made['sessionId']}"
        except BaseException:
            self.close()
            raise

    def close(self):
        if hasattr(self, "session"):
            try:
                self._send("DELETE", self.session)
            except (urllib.error.URLError, OSError):
                pass
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_ready(self):
        try:
            return self._send("GET", "/status")["ready"]
        except (urllib.error.URLError, OSError):
            return False

    def _send(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(
            self.base + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:600]}") from None

    def open(self, url):
        self._send("POST", f"{self.session}/url", {"url": url})

    def run(self, script, *arguments):
        """What a script in the page returns."""
        return self._send("POST", f"{self.session}/execute/sync",
                          {"script": script, "args": list(arguments)})

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def shows(self, words, selector="body"):
        """Waits until it does; the text then."""
        def found():
            text = self.text(selector)
            return text if words in text else None
        try:
            return wait_until(found, words)
        except AssertionError:
            raise AssertionError(f"{words!r} is not in {self.text(selector)!r}") from None

    def gone(self, words, selector="body"):
        wait_until(lambda: words not in self.text(selector), f"{words!r} gone")

    def find(self, selector):
        return self._send("POST", f"{self.session}/element",
                          {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        """As a pointer does: what is covered or disabled cannot be clicked. A bar that stays on top covers
        what the driver itself would scroll to."""
        self.run("document.querySelector(arguments[0])?.scrollIntoView({block: 'center'})", selector)
        self._send("POST", f"{self.session}/element/{self.find(selector)}/click")

    def type(self, selector, text):
        element = self.find(selector)
        self._send("POST", f"{self.session}/element/{element}/clear")
        self._send("POST", f"{self.session}/element/{element}/value", {"text": text})

    def press(self, *keys):
        """Keys to whatever has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._send("POST", f"{self.session}/actions",
                   {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def resize(self, width, height):
        """The page's own size: a window with a frame cannot be as narrow as a phone."""
        self._send("POST", f"{self.session}/goog/cdp/execute", {
            "cmd": "Emulation.setDeviceMetricsOverride", "params": {
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}})

    def darken(self, dark):
        self._send("POST", f"{self.session}/goog/cdp/execute", {
            "cmd": "Emulation.setEmulatedMedia", "params": {"features": [
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}})

    def picture(self, path, whole=True):
        """Of the whole page, however long."""
        shot = self._send("POST", f"{self.session}/goog/cdp/execute", {
            "cmd": "Page.captureScreenshot",
            "params": {"format": "png", "captureBeyondViewport": whole}})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self):
        """What the page and the browser wrote into its log since the last look."""
        return [line["message"] for line in self._send(
            "POST", f"{self.session}/se/log", {"type": "browser"})]
