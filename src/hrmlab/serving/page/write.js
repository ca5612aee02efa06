// A prompt, and what each model of code makes of it, as it is written.
import { stream } from "/page/api.js";

const element = (id) => document.getElementById(id);

export function startWriting(models, { say, guarded }) {
  element("go").addEventListener("click", () => guarded(async () => {
    const [prompt, texts] = [element("prompt").value, element("texts")];
    const [tokens, temperature] = [Number(element("tokens").value), Number(element("temperature").value)];
    texts.replaceChildren();
    element("go").disabled = true;
    say("writing …");
    try {
      await Promise.all(models.map(async (model) => {
        const [head, shown] = [document.createElement("h3"), document.createElement("pre")];
        head.textContent = `${model.about.arm} · ${model.about.parameters.toLocaleString("en")} parameters`;
        shown.textContent = prompt;
        texts.append(head, shown);
        const body = { model: model.id, prompt, max_tokens: tokens, temperature, stream: true };
        await stream("/v1/completions", body, (_, chunk) => { shown.textContent += chunk.choices[0].text; });
      }));
      say("written");
    } finally {
      element("go").disabled = false;
    }
  }));
}
