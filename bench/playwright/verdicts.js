// One line per case: verdict and name, in the words of examples/suites/shop.expected.
export default class Verdicts {
  onTestEnd(test, result) {
    const verdict = result.status === 'passed' ? 'passed' : 'failed';
    console.log(`${verdict}  ${test.title}`);
    if (result.status !== 'passed') {
      const text = result.error?.message ?? result.status;
      // eslint-disable-next-line no-control-regex
      console.error(`${test.title}: ${text.replace(/\u001b\[[0-9;]*m/g, '').split('\n').slice(0, 3).join(' ')}`);
    }
  }
}
