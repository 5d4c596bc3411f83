// Stand-ins for the incoming webhooks of Slack and Teams, which refuse what those refuse. Source:
// api.slack.com "Sending messages using incoming webhooks"; learn.microsoft.com "Adaptive Cards".
import http from 'node:http';

function slack(json) {
  if (typeof json.text !== 'string' && !Array.isArray(json.blocks)) {
    return [400, 'no_text'];
  }
  const blocks = json.blocks ?? [];
  const good = blocks.every((b) => (b.type === 'section' && b.text?.type === 'mrkdwn' && b.text.text.length <= 3000) ||
    (b.type === 'context' && b.elements.every((e) => e.type === 'mrkdwn' && e.text.length > 0)));
  return good ? [200, 'ok'] : [400, 'invalid_blocks'];
}

function teams(json) {
  const card = json.attachments?.[0];
  const good = json.type === 'message' && card?.contentType === 'application/vnd.microsoft.card.adaptive' &&
    card.content.type === 'AdaptiveCard' && card.content.body.length > 0;
  return good ? [202, ''] : [400, 'Bad payload received by generic incoming webhook.'];
}

// `status` answers everything with that instead.
export async function startChat() {
  const chat = { slack: [], teams: [], status: 0 };
  const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (part) => parts.push(part));
    req.on('end', () => {
      const kind = req.url.startsWith('/slack/') ? 'slack' : 'teams';
      let json;
      try {
        json = JSON.parse(Buffer.concat(parts).toString('utf8'));
      } catch {
        res.writeHead(400).end('invalid_payload');
        return;
      }
      const [status, text] = chat.status ? [chat.status, 'no_service'] : kind === 'slack' ? slack(json) : teams(json);
      if (status < 300) {
        chat[kind].push(json);
      }
      res.writeHead(status).end(text);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${server.address().port}`;
  return Object.assign(chat, {
    slackUrl: `${base}/slack/services/T0/B0/s3cr3tpath`,
    teamsUrl: `${base}/teams/webhookb2/abcd`,
    stop: () => { server.closeAllConnections(); server.close(); },
  });
}
