// The official npm client, unchanged, against the gateway at GATEWAY_URL (and a patient one at PATIENT_URL): run by test_npm.py in the folder of its packages.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";
import { NAME_OF_ERROR } from "./errors.mjs";

const url = process.env.GATEWAY_URL;
const model = "custodian-triage-balanced";
const messages = [{ role: "user", content: "hello" }];
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused" });
const tools = [{ type: "function", function: { name: "look_up", parameters: { type: "object", properties: {} } } }];
const schema = {
  type: "object",
  properties: { title: { type: "string" }, size: { type: "integer" } },
  required: ["title", "size"],
  additionalProperties: false,
};
const response_format = { type: "json_schema", json_schema: { name: "report", strict: true, schema } };

test("a completion", async () => {
  const completion = await client.chat.completions.create({ model, messages });
  assert.match(completion.choices[0].message.content, /^Simulated answer/);
  assert.equal(completion.object, "chat.completion");
  assert.ok(completion._request_id);
});

test("a stream, with usage where it is asked for", async () => {
  for (const include_usage of [false, true]) {
    const stream = await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage } });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    assert.match(text, /^Simulated answer/);
    assert.equal(chunks.some((chunk) => chunk.usage), include_usage);
  }
});

test("structured output is parsed", async () => {
  const completion = await client.chat.completions.parse({ model, messages, response_format });
  const content = JSON.parse(completion.choices[0].message.content);
  assert.equal(typeof content.size, "number");
  assert.deepEqual(JSON.parse(completion.metadata.validation), { valid: true });
});

test("a stream is gathered", async () => {
  const stream = client.chat.completions.stream({ model, messages, response_format });
  const completion = await stream.finalChatCompletion();
  assert.equal(typeof JSON.parse(completion.choices[0].message.content).title, "string");
});

test("tools, streamed and not", async () => {
  const asked = { model, messages, tools, tool_choice: "required" };
  const whole = await client.chat.completions.create(asked);
  const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
  for (const completion of [whole, streamed]) {
    assert.equal(completion.choices[0].finish_reason, "tool_calls");
    assert.equal(completion.choices[0].message.tool_calls[0].function.name, "look_up");
  }
});

for (const [name, [kind, type]] of Object.entries(NAME_OF_ERROR)) {
  test(`${name} is ${kind}`, async () => {
    await assert.rejects(client.chat.completions.create({ model: name, messages }), (error) => {
      assert.ok(error instanceof OpenAI[kind], error.constructor.name);
      assert.equal(error.type, type);
      assert.ok(error.requestID);
      return true;
    });
  });
}

test("a stream that breaks is an error", async () => {
  for (const name of ["stream-error", "stream-cut", "stream-reset"]) {
    const seen = [];
    await assert.rejects(async () => {
      for await (const chunk of await client.chat.completions.create({ model: name, messages, stream: true })) seen.push(chunk);
    }, OpenAI.APIError);
    assert.ok(seen.length > 0);
  }
});

test("a caller that aborts is gone", async () => {
  const abort = new AbortController();
  const stream = await client.chat.completions.create({ model: "stream-slow", messages, stream: true }, { signal: abort.signal });
  let seen = 0;
  for await (const _ of stream) if (++seen === 2) abort.abort();
  assert.ok(seen < 6, String(seen));
});

// The client tells how long it waits only where that is said of the request, not where it is said of the client.
test("its timeout is answered before it runs out", async () => {
  const hasty = new OpenAI({ baseURL: `${process.env.PATIENT_URL}/v1`, apiKey: "unused", maxRetries: 0 });
  await assert.rejects(hasty.chat.completions.create({ model: "silent", messages }, { timeout: 8000 }), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError, error.constructor.name);
    assert.equal(error.type, "deadline");
    return true;
  });
});

test("models", async () => {
  const names = [];
  for await (const each of await client.models.list()) names.push(each.id);
  assert.ok(names.includes(model));
  assert.equal((await client.models.retrieve(model)).object, "model");
  await assert.rejects(client.models.retrieve("gpt-4o"), OpenAI.NotFoundError);
});
