// Sets the chosen theme before the first paint, so that the page does not flash in the other one.
(() => {
  const theme = localStorage.getItem("rettevej.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
