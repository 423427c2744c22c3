// A chapter's contents and folds: links open what they lead to, the contents mark where the reader is, and paper gets everything.

{
  const folds = [...document.querySelectorAll("details")], contents = document.querySelector(".contents");

  function reveal() {
    const target = document.getElementById(location.hash.slice(1));
    // What the target is in, and the whole of a section that is closed.
    const closed = folds.filter(fold => !fold.open && (fold.contains(target) || fold.matches(".whole") && fold.parentElement === target));
    for (const fold of closed) fold.open = true;
    if (closed.length > 0) target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  // The address does not change where it is chosen again.
  document.addEventListener("click", event => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) reveal();
    if (link && contents.contains(link)) contents.open = false;
  });
  reveal();

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = folds.filter(fold => !fold.open);
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

  const links = new Map([...contents.querySelectorAll("a")].map(link => [link.hash.slice(1), link]));
  const sections = [...document.querySelectorAll("section[id]")].filter(section => links.has(section.id));
  let marked = null;
  // In view is what stands a quarter below the window's top.
  const observer = new IntersectionObserver(entries => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      marked?.removeAttribute("aria-current");
      marked = links.get(target.id);
      marked.setAttribute("aria-current", "true");
      const box = contents.getBoundingClientRect(), place = marked.getBoundingClientRect();
      if (place.top < box.top || place.bottom > box.bottom) contents.scrollTop += place.top - box.top - box.height / 2;
    }
  }, { rootMargin: "-25% 0px -74% 0px" });
  for (const section of sections) observer.observe(section);
}
