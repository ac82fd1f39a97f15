import path from "node:path";
import { frame } from "../frame.js";

export default function ({ page, content }) {
  const [, title] = content.match(/<h1[^>]*>(.*?)<\/h1>/s) || ["", "tripsaga"];
  return frame(path.posix.normalize(page.inputPath), title.replace(/<[^>]+>/g, ""), content);
}
