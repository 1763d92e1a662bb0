/** Puts a function around a method of a class, for everything that is made of it from now on and before. */
export function around<P extends object, K extends keyof P>(prototype: P, name: K, make: (original: P[K]) => P[K]): void {
  prototype[name] = make(prototype[name]);
}
