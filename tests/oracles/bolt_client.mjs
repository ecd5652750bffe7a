// A Bolt app of Slack's Node SDK in a playground: node bolt_client.mjs API_URL. Prints "ready", then one line for what it meets.

import bolt from "@slack/bolt";

const { App, LogLevel } = bolt;
const app = new App({
  token: "xoxb-playground",
  appToken: "xapp-playground",
  socketMode: true,
  clientOptions: { slackApiUrl: process.argv[2] },
  logLevel: LogLevel.ERROR,
});

const say = (...words) => console.log(words.join(" "));

app.command("/deploy", async ({ ack, command, client, respond }) => {
  await ack("reading");
  await respond({ response_type: "ephemeral", replace_original: true, text: "answered" });
  const card = await client.chat.postMessage({
    channel: command.channel_id,
    text: "card",
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: "card" }, expand: true },
      { type: "actions", elements: [{ type: "button", action_id: "go", text: { type: "plain_text", text: "Go" }, value: "1" }] },
    ],
    metadata: { event_type: "countersign_run", event_payload: { run: "R-1", steps: [{ key: "a", state: "done" }] } },
  });
  const reply = await client.chat.postMessage({ channel: command.channel_id, thread_ts: card.ts, text: "reply" });
  say("thread", reply.message.thread_ts === card.ts);
  await client.reactions.add({ channel: command.channel_id, timestamp: reply.ts, name: "white_check_mark" });
  await client.chat.update({ channel: command.channel_id, ts: card.ts, text: "edited" });
  const read = await client.conversations.replies({ channel: command.channel_id, ts: card.ts, include_all_metadata: true });
  say("metadata", read.messages[0].metadata.event_payload.run, read.messages[0].text);
  await client.files.uploadV2({ channel_id: command.channel_id, thread_ts: card.ts, filename: "log.txt", content: "done" });
  const members = await client.conversations.members({ channel: command.channel_id });
  say("members", members.members.length);
  try {
    await client.chat.postMessage({ channel: "C0GENERAL", text: "x" });
  } catch (error) {
    say("refused", error.data.error);
  }
  say("posted");
});

app.event("reaction_added", async ({ event }) => say("reaction", event.reaction, event.user));
app.action("go", async ({ ack, body, client }) => {
  await ack();
  const opened = await client.views.open({
    trigger_id: body.trigger_id,
    view: {
      type: "modal",
      callback_id: "form",
      title: { type: "plain_text", text: "Form" },
      submit: { type: "plain_text", text: "Go" },
      blocks: [{ type: "input", block_id: "why", label: { type: "plain_text", text: "Why" }, element: { type: "plain_text_input", action_id: "why" } }],
    },
  });
  say("view", opened.view.id);
});
app.view("form", async ({ ack, view }) => {
  const why = view.state.values.why.why.value;
  await (why === "bad" ? ack({ response_action: "errors", errors: { why: "not that" } }) : ack());
  say("submitted", why);
});

await app.start();
say("ready");
