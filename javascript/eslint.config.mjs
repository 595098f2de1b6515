import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["hub_cards/leaderboard/static/{leaderboard,views}/*.js", "emobox_probe/use/export/static/*.js"],
    languageOptions: {
      sourceType: "script",
      globals: {
        ...globals.browser,
        Board: "writable",
        DataTable: "readonly",
        Recording: "readonly",
        ort: "readonly",
      },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-implicit-globals": "error",
      "no-shadow": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      strict: ["error", "global"],
    },
  },
];
