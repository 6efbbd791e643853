// Signs in: the token goes to the server once, which answers with a cookie that no script can read.
const form = document.getElementById("login");
const said = document.getElementById("said");
const name = document.getElementById("name");
name.value = localStorage.getItem("operator") ?? "";

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  said.textContent = "";
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: document.getElementById("token").value, name: name.value }),
    });
    if (answer.ok) {
      localStorage.setItem("operator", name.value);
      location.replace("/");
      return;
    }
    said.textContent = (await answer.json()).message;
  } catch {
    said.textContent = "The supervisor does not answer. Is it still running?";
  }
  button.disabled = false;
  document.getElementById("token").select();
});
