// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ISettlement} from "contracts/interfaces/ISettlement.sol";
import {Harness} from "contracts/mocks/Harness.sol";
import {BlacklistingToken, FalseToken, FeeToken, RebasingToken, SilentToken, Token} from "contracts/mocks/Tokens.sol";
import {BombWallet, BouncingWallet, BurningWallet, Wallet} from "contracts/mocks/Wallets.sol";
import {AnyToken} from "./Spec.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice A token whose transfers answer with given bytes and move nothing.
contract AnsweringToken {
    bytes private answer;

    constructor(bytes memory answer_) {
        answer = answer_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return answer;
    }
}

/// @notice Payments into and out of a contract, without the settlement around them.
contract PaymentsTest is World {
    address internal constant NATIVE = address(0);
    address internal constant PAYER = address(0x9A1E4);
    address internal constant PAYEE = address(0x9A1EE);
    uint256 internal constant PUSH_GAS = 100_000;
    uint256 internal constant PUSH_RESERVE = 120_000;
    uint256 internal constant BALANCE = 1000 ether;

    Harness internal harness;

    function setUp() public {
        harness = Harness(payable(create("Harness.sol:Harness")));
        VM.deal(address(harness), BALANCE);
        VM.deal(PAYER, BALANCE);
    }

    /// @notice Payer and contract own some of `token`, and the contract may take the payer's.
    function give(address token) internal returns (address) {
        AnyToken(token).mint(PAYER, BALANCE);
        AnyToken(token).mint(address(harness), BALANCE);
        VM.prank(PAYER);
        AnyToken(token).approve(address(harness), type(uint256).max);
        return token;
    }

    function pull(address token, uint256 amount, uint256 value) internal {
        VM.prank(PAYER);
        harness.pull{value: value}(token, amount);
    }

    function refusesToPull(address token, uint256 amount, uint256 value, bytes memory expected) internal {
        VM.expectRevert(expected);
        pull(token, amount, value);
    }

    function balanceOf(address token, address account) internal view returns (uint256) {
        return token == NATIVE ? account.balance : AnyToken(token).balanceOf(account);
    }

    function currencies() internal returns (address[3] memory) {
        return [NATIVE, give(address(new Token())), give(address(new SilentToken()))];
    }

    // --- pull ---

    function testFuzz_PullTakesExactlyTheAmount(uint256 seed) external {
        uint256 amount = seed % BALANCE + 1;
        address[3] memory tokens = currencies();
        for (uint256 i = 0; i < tokens.length; i++) {
            pull(tokens[i], amount, tokens[i] == NATIVE ? amount : 0);
            assert(balanceOf(tokens[i], PAYER) == BALANCE - amount);
            assert(balanceOf(tokens[i], address(harness)) == BALANCE + amount);
        }
    }

    function test_PullRefusesAnAmountOfZero() external {
        bytes memory expected = abi.encodeWithSelector(ISettlement.ZeroAmount.selector);
        refusesToPull(NATIVE, 0, 0, expected);
        refusesToPull(give(address(new Token())), 0, 0, expected);
    }

    function test_PullRefusesAnotherValueThanTheAmount() external {
        refusesToPull(NATIVE, 7, 6, abi.encodeWithSelector(ISettlement.ValueMismatch.selector, 7, 6));
        refusesToPull(NATIVE, 7, 8, abi.encodeWithSelector(ISettlement.ValueMismatch.selector, 7, 8));
        address token = give(address(new Token()));
        refusesToPull(token, 7, 7, abi.encodeWithSelector(ISettlement.ValueMismatch.selector, 0, 7));
    }

    function test_PullRefusesATokenWithoutCode() external {
        refusesToPull(PAYEE, 7, 0, abi.encodeWithSelector(ISettlement.TokenNotContract.selector, PAYEE));
    }

    function test_PullRefusesATokenThatDeliversAnotherAmount() external {
        address fee = give(address(new FeeToken()));
        refusesToPull(fee, 1000, 0, abi.encodeWithSelector(ISettlement.TokenNotExact.selector, fee, 1000, 990));
        address rebasing = give(address(new RebasingToken()));
        bytes memory expected = abi.encodeWithSelector(ISettlement.TokenNotExact.selector, rebasing, 1000, 1001);
        refusesToPull(rebasing, 1000, 0, expected);
    }

    function test_PullRefusesATokenThatAnswersFalse() external {
        FalseToken token = FalseToken(give(address(new FalseToken())));
        token.fail(true);
        bytes memory expected = abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token);
        refusesToPull(address(token), 7, 0, expected);
    }

    // --- send ---

    function testFuzz_SendPaysTheAmount(uint256 seed) external {
        uint256 amount = seed % BALANCE + 1;
        address[3] memory tokens = currencies();
        for (uint256 i = 0; i < tokens.length; i++) {
            harness.send(tokens[i], PAYEE, amount);
            assert(balanceOf(tokens[i], PAYEE) == amount);
            assert(balanceOf(tokens[i], address(harness)) == BALANCE - amount);
        }
    }

    function test_SendRefusesAnAmountOfZeroAndTheZeroAddress() external {
        VM.expectRevert(abi.encodeWithSelector(ISettlement.ZeroAmount.selector));
        harness.send(NATIVE, PAYEE, 0);
        VM.expectRevert(abi.encodeWithSelector(ISettlement.ZeroAddress.selector));
        harness.send(NATIVE, address(0), 1);
    }

    function test_SendRevertsWhereThePaymentFails() external {
        address payee = address(new BouncingWallet(PAYER));
        VM.expectRevert(abi.encodeWithSelector(ISettlement.TransferFailed.selector, NATIVE, payee, 7));
        harness.send(NATIVE, payee, 7);
        VM.expectRevert(abi.encodeWithSelector(ISettlement.TransferFailed.selector, NATIVE, PAYEE, BALANCE + 1));
        harness.send(NATIVE, PAYEE, BALANCE + 1);
    }

    /// @dev GAS, PUSH0, SSTORE: the payee stores the gas that it was given.
    function test_SendGivesAllTheGasThereIs() external {
        VM.etch(PAYEE, hex"5a5f55");
        harness.send{gas: 10_000_000}(NATIVE, PAYEE, 7);
        assert(uint256(VM.load(PAYEE, 0)) > 9_000_000);
    }

    // --- push ---

    function testFuzz_PushPaysTheAmount(uint256 seed) external {
        uint256 amount = seed % BALANCE + 1;
        address[3] memory tokens = currencies();
        for (uint256 i = 0; i < tokens.length; i++) {
            assert(harness.push(tokens[i], PAYEE, amount));
            assert(balanceOf(tokens[i], PAYEE) == amount);
        }
        assert(harness.push(NATIVE, address(new Wallet(PAYER)), 1) == (amount < BALANCE));
    }

    /// @dev A call with value comes with 2,300 gas more. GAS itself costs 2.
    function test_PushGivesItsGasAndNoMore() external {
        VM.etch(PAYEE, hex"5a5f55");
        assert(harness.push{gas: 10_000_000}(NATIVE, PAYEE, 7));
        assert(uint256(VM.load(PAYEE, 0)) == PUSH_GAS + 2300 - 2);
        address token = address(0x70CE4);
        VM.etch(token, hex"5a5f55");
        assert(harness.push{gas: 10_000_000}(token, PAYEE, 7));
        assert(uint256(VM.load(token, 0)) == PUSH_GAS - 2);
    }

    function test_PushOfLittleGasReverts() external {
        for (uint256 gas_ = PUSH_RESERVE - 20_000; gas_ < PUSH_RESERVE; gas_ += 1000) {
            VM.expectPartialRevert(ISettlement.GasTooLow.selector);
            harness.push{gas: gas_}(NATIVE, PAYEE, 7);
        }
        assert(harness.push{gas: PUSH_RESERVE + 1000}(NATIVE, PAYEE, 7));
    }

    /// @notice Reverts, endless loops and return bombs cost no more than the gas of a push.
    function test_PushToAHostilePayeeFailsWithinItsGas() external {
        address[3] memory payees =
            [address(new BouncingWallet(PAYER)), address(new BurningWallet(PAYER)), address(new BombWallet(PAYER))];
        for (uint256 i = 0; i < payees.length; i++) {
            uint256 gasBefore = gasleft();
            assert(!harness.push(NATIVE, payees[i], 7));
            assert(gasBefore - gasleft() < PUSH_RESERVE + 10_000);
            assert(payees[i].balance == 0);
        }
    }

    function test_PushOfATokenThatRefusesFails() external {
        FalseToken falseToken = FalseToken(give(address(new FalseToken())));
        falseToken.fail(true);
        assert(!harness.push(address(falseToken), PAYEE, 7));
        BlacklistingToken blacklisting = BlacklistingToken(give(address(new BlacklistingToken())));
        blacklisting.list(PAYEE, true);
        assert(!harness.push(address(blacklisting), PAYEE, 7));
        assert(!harness.push(give(address(new Token())), PAYEE, BALANCE + 1));
    }

    function test_PushOfATokenSucceedsIfItAnswersTrueOrNothing() external {
        assert(harness.push(address(new AnsweringToken("")), PAYEE, 7));
        assert(harness.push(address(new AnsweringToken(abi.encode(true))), PAYEE, 7));
        assert(harness.push(address(new AnsweringToken(abi.encode(true, "more"))), PAYEE, 7));
        assert(!harness.push(address(new AnsweringToken(abi.encode(false))), PAYEE, 7));
        assert(!harness.push(address(new AnsweringToken(abi.encode(2))), PAYEE, 7));
        assert(!harness.push(address(new AnsweringToken(hex"01")), PAYEE, 7));
    }

    function test_PushOfATokenWithoutCodeFails() external {
        assert(!harness.push(address(0x70CE4), PAYEE, 7));
    }
}
