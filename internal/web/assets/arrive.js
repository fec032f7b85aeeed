// Who comes back from an identity provider need not press the button. What came
// along leaves the address bar and the history.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  history.replaceState(null, "", location.pathname);
  document.querySelector("form[data-arrive]").requestSubmit();
});
