const raw = /\*\*|``|~~|\|\s*-{3}|<\/?(?:details|summary|sub)\b|\[[^\]]*\]\(https?:|^#{1,6} |^\s*[-*] \[/;
const spent = node => { for (let at = node.parentElement; at; at = at.parentElement) if (at.tagName === "PRE") return true };
const look = body => {
  const found = {height: body.scrollHeight, overflow: [], raw: [], ticks: [], tables: 0, first: "", words: 0};
  found.first = (body.firstElementChild || body).tagName.toLowerCase();
  found.tables = [...body.querySelectorAll("table")].filter(each => !each.closest("details")).length;
  found.words = body.innerText.split(/\s+/).length;
  body.querySelectorAll("details").forEach(each => { each.open = true });
  const wide = [body, ...body.querySelectorAll("*:not(pre):not(pre *)")];
  found.overflow = wide.filter(each => each.clientWidth && each.scrollWidth > each.clientWidth + 1)
    .map(each => `${each.tagName.toLowerCase()}: ${each.innerText.slice(0, 80)}`);
  const walk = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, text = node.data;
    if (spent(node)) continue;
    if (text.includes("`")) found.ticks.push(text.trim().slice(0, 120));
    else if (node.parentElement.tagName !== "CODE" && raw.test(text)) found.raw.push(text.trim().slice(0, 120));
  }
  return found;
};
const result = document.createElement("script"); result.type = "application/json"; result.id = "result";
result.textContent = JSON.stringify([...document.querySelectorAll(".body")].map(look)); document.body.append(result);
