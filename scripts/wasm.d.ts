/** What the deployment, the local bundle and the suite in workerd make of a `.wasm`: a module, compiled before it runs. */
declare module "*.wasm" {
  const compiled: WebAssembly.Module;

  export { compiled as default };
}
